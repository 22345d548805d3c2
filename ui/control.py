"""Ask the running pipeline for something over HTTP, as an admin and from this server's own page."""

import uuid
from collections.abc import Callable

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, request

from storage.control import Control
from ui.answers import answers, fresh
from ui.context import context
from ui.problems import (
    ProblemError,
    Responses,
    json_answer,
    parameter_problem,
    problem_answers,
    respond,
)
from ui.queries import Query
from ui.schemas import Access, ControlTaken
from ui.tokens import SAFE_METHODS, guard, identity, log, require
from ui.wish import Wish

control = APIBlueprint("control", __name__, url_prefix="/api/v1", tag="API")
_EXTENSION = "silverbullet_control"
_BODY_LIMIT = 4 * 1024  # a wish has 200 bytes
_WATCH = "/api/v1/status"
SendControl = Callable[[Control], None]


class ControlUnavailableError(RuntimeError):
    """A control could not be sent; the message says why and the remedy."""


@control.before_request
def _check() -> None:
    """Refuse before the body is read."""
    if request.method in SAFE_METHODS:
        return
    require("admin")
    request.max_content_length = _BODY_LIMIT
    if request.content_length is None:
        # Of a chunked body werkzeug reads up to the limit and passes over the rest in silence.
        raise ProblemError(411, "the body has no length", "send it with a Content-Length header")
    if not request.is_json:
        raise ProblemError(
            415, "a wish is JSON", "send it with the header `Content-Type: application/json`"
        )


@control.errorhandler(RecursionError)
def _too_deep(_error: RecursionError) -> Response:
    return respond(ProblemError(400, "the body is nested too deeply", "send one flat JSON object"))


_TAKEN: Responses = {
    202: json_answer("ControlTaken", "It is in the topic; the pipeline carries it out from there."),
    **problem_answers(400, 401, 403, 411, 413, 415, 422, 429, 500, 503),
}


@control.post("/control")
@control.input(Wish, location="json")
@control.doc(responses=_TAKEN, security=["token", "session"])
def steer(json_data: Wish) -> Response:
    """Ask the pipeline to change engines, dispatch or workers, to pause or to go on.

    What is left out or null stays as it is. `controls` of the status says what became of it, by
    its id: `waiting` while engines come up, then `applied`, or `replaced` by a later one.
    """
    wish = json_data.model_dump(exclude_none=True)
    if not wish or wish == {"reset": False}:
        raise parameter_problem("body", "asks for nothing: name a field to change")
    asking = require("admin")
    if "order" in wish:
        wish["order"] = tuple(wish["order"])
    made = Control(id=uuid.uuid4().hex, time_ns=context().now_ns(), who=asking.name, **wish)
    send: SendControl | None = current_app.extensions[_EXTENSION]
    if send is None:
        raise ProblemError(
            503,
            "no broker is named, so no pipeline can be asked",
            "start `silverbullet serve` with the pipeline's broker "
            "(--set kafka.bootstrap=HOST:PORT)",
        )
    try:
        send(made)
    except ControlUnavailableError as error:
        log.error("control %s of %s was not sent: %s", made.id, made.who, error)
        raise ProblemError(
            503, str(error), f"see that the broker runs and look at {_WATCH} before asking again",
            headers={"Retry-After": "5"},
        ) from None  # fmt: skip
    log.info("control %s by %s: %s", made.id, made.who, made.wish())
    response = fresh(ControlTaken(id=made.id, who=made.who, wish=made.wish(), watch=_WATCH))
    response.status_code = 202
    response.headers["Location"] = _WATCH
    return response


@control.get("/access")
@control.input(Query, location="query")
@control.doc(responses=answers("Access", "Who asks and what is open."))
def access(query_data: Query) -> Response:  # noqa: ARG001 - refuses unknown parameters
    """Tell who asks, and whether controls can be sent."""
    asking = identity()
    return fresh(
        Access(
            name=None if asking is None else asking.name,
            scope=None if asking is None else asking.scope,
            reads_need_token=guard().guards_reads,
            controls=current_app.extensions[_EXTENSION] is not None,
        )
    )


def install_control(app: APIFlask, send: SendControl | None) -> None:
    """Let admins send controls; without ``send`` the route says what is missing."""
    app.extensions[_EXTENSION] = send
    app.register_blueprint(control)
