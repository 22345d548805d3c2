"""The REST API below ``/api/v1``: decisions, curves, latency, state, stream."""

import msgspec
from apiflask import APIBlueprint
from flask import Response, request

from optimize.decision import Curve, Decision
from storage.protocol import DecisionQuery
from ui.answers import answers, check_portfolio, fresh, linked, read_page, tagged
from ui.context import RECORD_REMEDY, context
from ui.latency import stage_percentiles
from ui.lookup import find_decision, in_pieces
from ui.problems import ProblemError, Responses, parameter_problem, problem_answers
from ui.queries import (
    MOST_WITH_CURVES,
    DecisionsQuery,
    LatencyQuery,
    Query,
    StreamQuery,
    is_decision_id,
)
from ui.schemas import (
    AssetPoint,
    DecisionPage,
    Engines,
    LastEngine,
    Latency,
    PortfolioPoint,
    RiskReturn,
    StatusNow,
)
from ui.stream import StreamLimitError, limit_sending
from ui.tokens import while_allowed

api = APIBlueprint("api", __name__, url_prefix="/api/v1", tag="API")
# A recorded decision never changes; an hour bounds how long one outlives its deletion by age.
_IMMUTABLE = "private, max-age=3600, immutable"
_RETRY_AFTER_S = 5
_LONGEST_SILENCE_S = 5.0  # of `run`, which reports once a second; as the page has it


@api.get("/decisions")
@api.input(DecisionsQuery, location="query")
@api.doc(responses=answers("DecisionPage", "A page of decisions."))
def decisions(query_data: DecisionsQuery) -> Response:
    """Page through decisions by time and by id.

    Values are per sampling interval. `next` leads through all decisions of the query, each
    exactly once; with `order=oldest` also through those that are recorded meanwhile.
    """
    here = context()

    def read(query: DecisionQuery) -> list[Decision]:
        if query_data.curves:
            return here.store.decisions(query)
        return [
            msgspec.structs.replace(item, frontier=None, cloud=None)
            for item in in_pieces(here.store, query)
        ]

    found, following = read_page(
        read,
        query_data,
        query_data.portfolio or here.portfolio,
        min(query_data.limit, MOST_WITH_CURVES) if query_data.curves else query_data.limit,
        lambda decision: decision.id,
    )
    return linked(tagged(DecisionPage(decisions=found, next=following)), following)


@api.get("/decisions/latest")
@api.input(Query, location="query")
@api.doc(responses=answers("Decision", "The newest decision, whole.", 404))
def latest_decision(query_data: Query) -> Response:
    """Give the newest decision.

    Values are per sampling interval.
    """
    return tagged(context().newest_decision(query_data.portfolio))


@api.get("/decisions/<decision_id>")
@api.input(Query, location="query")
@api.doc(responses=answers("Decision", "One decision, whole.", 404))
def one_decision(decision_id: str, query_data: Query) -> Response:
    """Give one decision by its id.

    Values are per sampling interval.
    """
    if not is_decision_id(decision_id):
        raise parameter_problem(
            "decision_id", f"{decision_id!r} is not of the form portfolio:row:offsets"
        )
    check_portfolio(
        "decision_id", decision_id, query_data.portfolio or decision_id.partition(":")[0]
    )
    found = find_decision(context().store, decision_id)
    if found is None:
        raise ProblemError(
            404,
            f"no decision {decision_id} is recorded",
            "page through /api/v1/decisions; records older than the retention are deleted",
        )
    return tagged(found, _IMMUTABLE)


def _risk_return(decision: Decision, curve: Curve) -> RiskReturn:
    # By the estimates, as the portfolios are: sample means would lie far off the frontier.
    assets = zip(
        decision.symbols,
        decision.estimated_volatility,
        decision.estimated_mean,
        decision.weights,
        strict=True,
    )
    return RiskReturn(
        decision_id=decision.id,
        row=curve.row,
        row_end_ns=(curve.row + 1) * decision.sample_interval_ns,
        decision_row=decision.row,
        sample_interval_ns=decision.sample_interval_ns,
        volatility=curve.volatility,
        expected_return=curve.expected_return,
        portfolio=PortfolioPoint(
            volatility=decision.portfolio_volatility,
            expected_return=decision.expected_return,
            sharpe=decision.sharpe,
        ),
        assets=[
            AssetPoint(
                symbol=symbol, volatility=float(v), expected_return=float(m), weight=float(w)
            )
            for symbol, v, m, w in assets
        ],
    )


@api.get("/portfolios/cloud")
@api.input(Query, location="query")
@api.doc(responses=answers("RiskReturn", "Random long-only portfolios.", 404))
def cloud(query_data: Query) -> Response:
    """Give the newest cloud of random portfolios, beside the portfolio decided on.

    Volatility and expected return are per sampling interval.
    """
    decision = context().newest_decision(query_data.portfolio, with_cloud=True)
    if decision.cloud is None:
        raise _no_curve("cloud")
    return tagged(_risk_return(decision, decision.cloud))


@api.get("/frontier")
@api.input(Query, location="query")
@api.doc(responses=answers("RiskReturn", "The efficient frontier.", 404))
def frontier(query_data: Query) -> Response:
    """Give the newest efficient frontier, beside the portfolio decided on.

    Volatility and expected return are per sampling interval.
    """
    here = context()
    decision = here.newest_decision(query_data.portfolio)
    if decision.frontier is None:
        decision = here.newest_decision(query_data.portfolio, with_cloud=True)
    if decision.frontier is None:
        raise _no_curve("frontier")
    return tagged(_risk_return(decision, decision.frontier))


def _no_curve(name: str) -> ProblemError:
    return ProblemError(404, f"no {name} is recorded yet", RECORD_REMEDY)


@api.get("/latency")
@api.input(LatencyQuery, location="query")
@api.doc(responses=answers("Latency", "Percentiles by stage, in microseconds.", 404))
def latency(query_data: LatencyQuery) -> Response:
    """Give the time from tick to decision by stage, over the newest decisions.

    p50, p90 and p99 are interpolated linearly. `kafka` is from the tick's own time until the
    broker stamped its message (in whole milliseconds), `ingest` until it was consumed, then
    `update`, `wait`, `solve` and `publish`; `total` is from the tick to the decision published.
    """
    here = context()
    portfolio = query_data.portfolio or here.portfolio
    query = DecisionQuery(portfolio, limit=query_data.decisions)
    found = [(decision.id, decision.times) for decision in in_pieces(here.store, query)]
    if not found:
        newest = here.newest_decision(portfolio)
        found = [(newest.id, newest.times)]
    answer = Latency(
        n_decisions=len(found),
        first_id=found[-1][0],
        last_id=found[0][0],
        unit="us",
        stages=stage_percentiles([times for _, times in found]),
    )
    return fresh(answer)


@api.get("/status")
@api.input(Query, location="query")
@api.doc(responses=answers("StatusNow", "The newest status and its age.", 404))
def status(query_data: Query) -> Response:
    """Give what is true between decisions: state, counts, universe, engines, notices."""
    here = context()
    found = here.newest_status(query_data.portfolio)
    now_ns = here.now_ns()
    age_s = (now_ns - found.time_ns) / 1e9
    state, reason = found.state, found.reason
    if age_s > _LONGEST_SILENCE_S:
        state = "stale"
        reason = f"`run` has reported nothing for {age_s:.0f} s: see that it and `record` are up"
    answer = StatusNow(status=found, age_s=age_s, now_ns=now_ns, state=state, reason=reason)
    return fresh(answer)


@api.get("/engines")
@api.input(Query, location="query")
@api.doc(responses=answers("Engines", "Engines and what made the newest decision.", 404))
def engines(query_data: Query) -> Response:
    """Give the engines as the newest status has them."""
    here = context()
    found = here.newest_status(query_data.portfolio)
    last = None
    for made in here.store.decisions(DecisionQuery(found.portfolio, limit=1)):
        last = LastEngine(
            decision_id=made.id,
            engine=made.engine,
            peers=made.peers,
            degraded=made.degraded,
            late=made.late,
            reason=made.engine_reason,
        )
    return fresh(Engines(time_ns=found.time_ns, engines=found.engines, last=last))


_STREAM_ANSWERS: Responses = {
    200: {
        "description": "Server-sent events without end.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **problem_answers(403, 422, 500, 503),
}
_STREAM_TEXT = """Events: `decision` (id: the decision's id, data: the whole decision), `status` \
(data: the status), `lagged` (data: dropped, after: this client read too slowly and the decisions \
after that id up to the next event were left out). A comment every 5 s shows that it is alive."""


@api.get("/stream")
@api.input(StreamQuery, location="query")
@api.doc(description=_STREAM_TEXT, responses=_STREAM_ANSWERS)
def stream(query_data: StreamQuery) -> Response:
    """Push decisions and status as server-sent events.

    Without `after` and Last-Event-ID it begins with the newest decision; with either it goes on
    after that decision, with no gap and none twice.
    """
    here = context()
    portfolio = query_data.portfolio or here.portfolio
    after = request.headers.get("Last-Event-ID") or query_data.after
    if after is not None and not is_decision_id(after):
        raise parameter_problem("Last-Event-ID", f"{after!r} is not an id of this stream")
    check_portfolio("after", after, portfolio)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(content_type="text/event-stream", headers=headers)
    try:
        here.hub.enter()
    except StreamLimitError as error:
        raise ProblemError(
            503,
            str(error),
            "close one, ask again later, or start `silverbullet serve` with more `--streams`",
            headers={"Retry-After": str(_RETRY_AFTER_S)},
        ) from None
    client = request.environ.get("gunicorn.socket")
    if client is not None:
        limit_sending(client)
    frames = while_allowed(here.hub.frames(portfolio, after, client))
    response = Response(frames, content_type="text/event-stream", headers=headers)
    # On the response, not in the generator: one that never starts never ends.
    response.call_on_close(here.hub.leave)
    return response
