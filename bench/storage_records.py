"""Decisions as a pipeline of 50 assets makes them, a row apart."""

from typing import Final

import numpy as np

from optimize.decision import Decision, StageTimes, decision_id

FIRST_ROW: Final = 1_000_000
SYMBOLS: Final = tuple(f"A{index:03d}USDT" for index in range(50))
_SECOND_NS = 10**9
_ARRAYS = (
    "prices", "weights", "weight_stddev", "start_weights", "mean", "volatility",
    "estimated_mean", "estimated_volatility", "skewness", "kurtosis",
)  # fmt: skip


def sample_decision(row: int) -> Decision:
    """Make the decision of a row: 50 assets, 8 kB of JSON, numbers of full length."""
    end_ns = (row + 1) * _SECOND_NS
    ramp = np.sqrt(np.arange(2.0, 52.0) + row % 97)
    arrays = {name: ramp / (place + 3.0) for place, name in enumerate(_ARRAYS)}
    times = StageTimes(**dict.fromkeys(StageTimes.__struct_fields__, end_ns))
    return Decision(
        id=decision_id("main", row, {0: row}),
        portfolio="main",
        trigger="row",
        method="resample",
        objective="max_sharpe",
        row=row,
        row_end_ns=end_ns,
        sample_interval_ns=_SECOND_NS,
        n_observations=300,
        symbols=SYMBOLS,
        **arrays,
        expected_return=1e-5,
        portfolio_volatility=1e-3,
        sharpe=0.01,
        sharpe_stddev=0.001,
        optimality_gap=0.1,
        n_draws=1024,
        seed=1,
        round=0,
        engine="local",
        peers=("local-0", "local-1"),
        degraded=False,
        late=False,
        reason="",
        times=times,
        offsets={"0": row},
        digest="0" * 32,
    )
