"""The 2019 prototype's two routes, with its field names.

Only here "reward" is the mean or expected return and "risk" the variance of returns, both per
sampling interval; everywhere else the field's standard terms are used.
"""

from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import Response

from optimize.decision import Decision
from storage.protocol import DecisionQuery
from ui.answers import answers, tagged
from ui.context import RECORD_REMEDY, context
from ui.problems import ProblemError
from ui.queries import AssetStatQuery, StatQuery
from ui.schemas import AssetStat, PortfolioStat

prototype = APIBlueprint("prototype", __name__, url_prefix="/api", tag="2019 prototype")


def _timestamp(row_end_ns: int) -> str:
    seconds, rest_ns = divmod(row_end_ns, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest_ns // 10**6:03d}Z"


def _newest(query: StatQuery) -> list[Decision]:
    here = context()
    portfolio = query.portfolio or here.portfolio
    found = here.store.decisions(DecisionQuery(portfolio, limit=query.limit))
    if not found:
        raise ProblemError(404, f"no decision of portfolio {portfolio} is recorded", RECORD_REMEDY)
    return found


@prototype.get("/asset_stat")
@prototype.input(AssetStatQuery, location="query")
@prototype.doc(responses=answers("AssetStat", "Newest decision first.", 404, array=True))
def asset_stat(query_data: AssetStatQuery) -> Response:
    """Give mean ("reward") and variance ("risk") of each asset's returns.

    Both are per sampling interval, as the newest decisions had them.
    """
    rows = [
        AssetStat(
            asset=symbol,
            timestamp=_timestamp(decision.row_end_ns),
            reward=float(decision.mean[index]),
            risk=float(decision.volatility[index] ** 2),
            skewness=float(decision.skewness[index]),
            kurtosis=float(decision.kurtosis[index]),
            price=float(decision.prices[index]),
        )
        for decision in _newest(query_data)
        for index, symbol in enumerate(decision.symbols)
        if query_data.asset in {None, symbol}
    ]
    if not rows:
        raise ProblemError(
            404,
            f"asset {query_data.asset} is not in the newest {query_data.limit} decisions",
            "see /api/v1/assets for the symbols and why one is not a member",
        )
    return tagged(rows)


@prototype.get("/portfolio_stat")
@prototype.input(StatQuery, location="query")
@prototype.doc(responses=answers("PortfolioStat", "Newest decision first.", 404, array=True))
def portfolio_stat(query_data: StatQuery) -> Response:
    """Give expected return ("reward"), variance ("risk") and weights of the portfolio.

    All are per sampling interval, under the optimiser's estimates.
    """
    rows = [
        PortfolioStat(
            timestamp=_timestamp(decision.row_end_ns),
            reward=decision.expected_return,
            risk=decision.portfolio_volatility**2,
            sharpe=decision.sharpe,
            weights=dict(zip(decision.symbols, decision.weights.tolist(), strict=True)),
        )
        for decision in _newest(query_data)
    ]
    return tagged(rows)
