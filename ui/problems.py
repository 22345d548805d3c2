"""Every error as a problem document (RFC 9457) that says the remedy."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from apiflask import APIFlask, HTTPError
from flask import Response, request
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from storage.protocol import StoreError
from ui.schemas import ParameterFault, Problem, encode

PROBLEM_TYPE = "application/problem+json"
OPENAPI_PATH = "/api/v1/openapi.json"
# As apiflask types what it takes.
Responses = dict[int | str, dict[str, str | dict[str, dict[str, Any]]]]
_REMEDIES = {
    400: "send a well-formed HTTP request, and JSON where the route takes it",
    404: f"see {OPENAPI_PATH} for the routes",
    405: "use a method that the Allow header names",
    413: "send a smaller request",
    415: "send the media type that the route takes",
    422: f"see {OPENAPI_PATH} for the parameters and their ranges",
    500: "the server's log has the traceback; please report it",
}


class ProblemError(Exception):
    """Ends a request with a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        remedy: str,
        *,
        headers: Mapping[str, str] | None = None,
        faults: list[ParameterFault] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.headers = dict(headers or {})
        self.faults = faults


def _faulty(status: int, remedy: str, faults: list[ParameterFault]) -> ProblemError:
    detail = "; ".join(f"{fault.parameter}: {fault.message}" for fault in faults)
    return ProblemError(status, detail, remedy, faults=faults)


def parameters_problem(messages: Mapping[str, str]) -> ProblemError:
    """Refuse parameters (422): what is wrong by the name of each."""
    faults = [ParameterFault(parameter=name, message=text) for name, text in messages.items()]
    return _faulty(422, _REMEDIES[422], faults)


def parameter_problem(parameter: str, message: str) -> ProblemError:
    """Refuse one parameter (422)."""
    return parameters_problem({parameter: message})


def respond(error: ProblemError) -> Response:
    """Write a problem document."""
    document = Problem(
        type="about:blank",
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=error.detail,
        instance=request.path,
        remedy=error.remedy,
        errors=msgspec.UNSET if error.faults is None else error.faults,
    )
    response = Response(encode(document), error.status, content_type=PROBLEM_TYPE)
    response.headers.update(error.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def _from_store(error: StoreError) -> Response:
    remedy = "see that the store's file or server is there and readable, then ask again"
    return respond(ProblemError(503, f"store: {error}", remedy, headers={"Retry-After": "5"}))


def _from_http(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if status < 400 or error.response is not None:
        return error  # a redirect
    headers = {
        name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}
    }
    detail = error.description or error.name
    if isinstance(error, InternalServerError):
        detail = f"{request.method} {request.path} failed inside the server"
    elif status == HTTPStatus.NOT_FOUND and detail == NotFound.description:
        detail = f"nothing is served at {request.path}"
    return respond(
        ProblemError(status, detail, _REMEDIES.get(status, _REMEDIES[404]), headers=headers)
    )


def _validation_faults(detail: Any) -> list[ParameterFault]:
    return [
        ParameterFault(
            # A check of several parameters at once has no name of its own.
            parameter="query" if name == "_schema" else name,
            message="; ".join(messages).removeprefix("Value error, "),
        )
        for fields in detail.values()
        for name, messages in fields.items()
    ]


def _from_api(error: HTTPError) -> Response:
    status = error.status_code
    remedy = _REMEDIES.get(status, _REMEDIES[404])
    if not isinstance(error.detail, dict) or not error.detail:
        return respond(ProblemError(status, str(error.message), remedy))
    return respond(_faulty(status, remedy, _validation_faults(error.detail)))


def _from_depth(_: RecursionError) -> Response | HTTPException:
    if not request.content_length:  # no body: a fault of ours, and said to be
        return _from_http(InternalServerError())
    return respond(ProblemError(400, "the body is nested too deep", _REMEDIES[400]))


def install_problems(app: APIFlask) -> None:
    """Answer every error of the application with a problem document."""
    app.register_error_handler(ProblemError, respond)
    app.register_error_handler(StoreError, _from_store)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(RecursionError, _from_depth)
    app.register_error_handler(HTTPError, _from_api)


def json_answer(schema: str, description: str) -> dict[str, str | dict[str, dict[str, Any]]]:
    """Describe an answer in JSON for OpenAPI."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def problem_answers(*statuses: int) -> Responses:
    """Describe problem documents of these statuses for OpenAPI."""
    return {status: _problem_answer(status) for status in statuses}


def _problem_answer(status: int) -> dict[str, str | dict[str, dict[str, Any]]]:
    described: dict[str, str | dict[str, dict[str, Any]]] = {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        described["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        }
    return described
