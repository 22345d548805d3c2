"""How answers leave: encoded, paged, with a tag or marked as not to be kept."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from flask import Response, request

from storage.protocol import DecisionQuery
from ui.problems import Responses, parameter_problem, problem_answers
from ui.queries import PageQuery
from ui.schemas import encode

T = TypeVar("T")


def fresh(answer: Any) -> Response:
    """Answer with what changes from one moment to the next: never kept."""
    response = Response(encode(answer), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def tagged(answer: Any, cache_control: str = "no-cache") -> Response:
    """Answer with an entity tag: asking again costs no body while nothing is new."""
    response = Response(encode(answer), content_type="application/json")
    response.headers["Cache-Control"] = cache_control
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]  # a flask.Response


def check_portfolio(parameter: str, decision_id: str | None, portfolio: str) -> None:
    """Refuse an id of another portfolio: ids compare only within one.

    Raises
    ------
    ProblemError
        422.
    """
    if decision_id is not None and not decision_id.startswith(f"{portfolio}:"):
        raise parameter_problem(parameter, f"{decision_id!r} is not of portfolio {portfolio}")


def read_page(
    read: Callable[[DecisionQuery], Sequence[T]],
    query: PageQuery,
    portfolio: str,
    limit: int,
    id_of: Callable[[T], str],
) -> tuple[list[T], str | None]:
    """Read a page and the address of the next one, None on the last."""
    check_portfolio("after", query.after, portfolio)
    check_portfolio("before", query.before, portfolio)
    newest_first = query.order == "newest"
    # One more than asked for tells whether there is a next page.
    found = read(
        DecisionQuery(
            portfolio,
            after_id=query.after,
            before_id=query.before,
            start_ns=query.start,
            end_ns=query.end,
            newest_first=newest_first,
            limit=limit + 1,
        )
    )
    rows = list(found[:limit])
    if len(found) <= limit:
        return rows, None
    cursor = {"before" if newest_first else "after": id_of(rows[-1])}
    return rows, f"{quote(request.path)}?{urlencode({**request.args, **cursor})}"


def linked(response: Response, address: str | None) -> Response:
    """Name the next page in a Link header too (RFC 8288)."""
    if address is not None:
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


def answers(schema: str, description: str, *problems: int, array: bool = False) -> Responses:
    """Describe an answer and the problems beside it for OpenAPI.

    Every route may also answer 403 (foreign host), 422 (parameters), 500 and 503 (store).
    """
    reference: dict[str, Any] = {"$ref": f"#/components/schemas/{schema}"}
    content = {"type": "array", "items": reference} if array else reference
    found: Responses = {
        200: {"description": description, "content": {"application/json": {"schema": content}}}
    }
    return {**found, **problem_answers(403, *problems, 422, 500, 503)}
