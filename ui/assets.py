"""The assets of the API: all of them now, and one over time."""

from apiflask import APIBlueprint
from flask import Response

from optimize.decision import Decision
from storage.protocol import AssetRow, DecisionQuery
from storage.records import AssetState
from ui.answers import answers, fresh, linked, read_page, tagged
from ui.context import RECORD_REMEDY, context
from ui.problems import ProblemError
from ui.queries import HistoryQuery, Query
from ui.schemas import AssetHistory, AssetNow, Assets, HistoryRow, optional

assets = APIBlueprint("assets", __name__, url_prefix="/api/v1", tag="API")


def _statistics(decision: Decision, symbol: str) -> dict[str, float | None]:
    position = decision.symbols.index(symbol)
    weight = decision.weights[position]
    values = {
        "mean": decision.mean[position],
        "volatility": decision.volatility[position],
        "skewness": decision.skewness[position],
        "kurtosis": decision.kurtosis[position],
        "weight": weight,
        "weight_stddev": decision.weight_stddev[position],
        "weight_change": weight - decision.start_weights[position],
    }
    return {name: optional(value) for name, value in values.items()}


_NO_STATISTICS: dict[str, float | None] = dict.fromkeys(
    ("mean", "volatility", "skewness", "kurtosis", "weight", "weight_stddev", "weight_change")
)


def _asset_now(symbol: str, state: AssetState | None, decision: Decision | None) -> AssetNow:
    member = decision is not None and symbol in decision.symbols
    price = None if state is None else state.price
    if price is None and decision is not None and member:
        price = optional(decision.prices[decision.symbols.index(symbol)])
    return AssetNow(
        symbol=symbol,
        state=None if state is None else state.state,
        reason="" if state is None else state.reason,
        price=price,
        last_event_time_ns=None if state is None else state.last_event_time_ns,
        ticks=None if state is None else state.ticks,
        **(_statistics(decision, symbol) if decision is not None and member else _NO_STATISTICS),
    )


@assets.get("/assets")
@assets.input(Query, location="query")
@assets.doc(responses=answers("Assets", "All assets now.", 404))
def all_assets(query_data: Query) -> Response:
    """Give every asset with its state and its part in the newest decision.

    Mean and volatility are per sampling interval.
    """
    here = context()
    portfolio = query_data.portfolio or here.portfolio
    decision = next(iter(here.store.decisions(DecisionQuery(portfolio, limit=1))), None)
    status = next(iter(here.store.statuses(portfolio, 1)), None)
    if decision is None and status is None:
        raise ProblemError(404, f"nothing of portfolio {portfolio} is recorded", RECORD_REMEDY)
    states = {} if status is None else {state.symbol: state for state in status.assets}
    symbols = sorted({*states, *(() if decision is None else decision.symbols)})
    answer = Assets(
        decision_id=None if decision is None else decision.id,
        row_end_ns=None if decision is None else decision.row_end_ns,
        sample_interval_ns=None if decision is None else decision.sample_interval_ns,
        status_time_ns=None if status is None else status.time_ns,
        assets=[_asset_now(symbol, states.get(symbol), decision) for symbol in symbols],
    )
    return fresh(answer)


@assets.get("/assets/<path:symbol>/history")
@assets.input(HistoryQuery, location="query")
@assets.doc(responses=answers("AssetHistory", "A page of one asset's rows.", 404))
def asset_history(symbol: str, query_data: HistoryQuery) -> Response:
    """Page through one asset's statistics and weights by time and by decision id.

    A symbol may hold `/`. Mean and volatility are per sampling interval.
    """
    here = context()
    portfolio = query_data.portfolio or here.portfolio

    def read(query: DecisionQuery) -> list[AssetRow]:
        return here.store.asset_history(symbol, query)

    found, following = read_page(
        read, query_data, portfolio, query_data.limit, lambda row: row.decision_id
    )
    if not found and not read(DecisionQuery(portfolio, limit=1)):
        raise ProblemError(
            404,
            f"symbol {symbol} is in no decision of portfolio {portfolio}",
            "see /api/v1/assets for the symbols and why one is not a member",
        )
    rows = [HistoryRow(**row._asdict()) for row in found]
    return linked(tagged(AssetHistory(symbol=symbol, rows=rows, next=following)), following)
