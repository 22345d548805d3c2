"""Random valid decisions and status records for tests, the same for the same seed."""

from typing import Any

import numpy as np

from optimize.decision import Curve, Decision, StageTimes, decision_digest, decision_id
from storage.records import AssetState, EngineState, Status

SECOND_NS = 1_000_000_000
FIRST_ROW = 1_750_000_000  # 15 June 2025 in rows of one second


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def make_symbols(n: int) -> tuple[str, ...]:
    """Name n symbols: ``A000USDT``, ``A001USDT``, ..."""
    return tuple(f"A{index:03d}USDT" for index in range(n))


def make_curve(row: int, n_points: int, seed: int = 0) -> Curve:
    """Draw a cloud or frontier of n points, ordered by volatility."""
    rng = np.random.default_rng([seed, row, n_points])
    volatility = np.sort(rng.uniform(1e-4, 2e-3, n_points))
    return Curve(
        row=row,
        volatility=_frozen(volatility),
        expected_return=_frozen(0.1 * volatility + rng.normal(0, 1e-5, n_points)),
    )


def _statistics(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    weights = rng.dirichlet(np.full(n, 0.7)) if n else np.zeros(0)
    mean = rng.normal(0, 1e-4, n)
    volatility = rng.uniform(1e-4, 2e-3, n)
    arrays = {
        "prices": np.exp(rng.uniform(-4, 11, n)),
        "weights": weights,
        "weight_stddev": rng.uniform(0, 0.1, n),
        "start_weights": np.full(n, 1 / n) if n else np.zeros(0),
        "mean": mean,
        "volatility": volatility,
        # Shrunk as estimators shrink: means a good deal, volatilities hardly.
        "estimated_mean": 0.2 * mean + 1e-5,
        "estimated_volatility": 0.97 * volatility + 1e-5,
        "skewness": rng.normal(0, 1, n),
        "kurtosis": rng.exponential(3, n),
    }
    return {name: _frozen(array) for name, array in arrays.items()}


def _times(row_end_ns: int) -> StageTimes:
    steps = (-40_000_000, -39_000_000, 0, 300_000, 450_000, 9_000_000, 9_200_000)
    names = StageTimes.__struct_fields__
    return StageTimes(**{name: row_end_ns + step for name, step in zip(names, steps, strict=True)})


def make_decision(
    row: int = FIRST_ROW, n: int = 3, seed: int = 0, *, cloud_points: int = 0, **changes: Any
) -> Decision:
    """Make a decision of one row; equal arguments give equal decisions.

    Parameters
    ----------
    row
        Number of the row, counted in ``sample_interval_ns`` (default 1 s) since the epoch.
    n
        Assets.
    seed
        Chooses the numbers; not part of the id.
    cloud_points
        Portfolios in the cloud; 0 leaves ``cloud`` and ``frontier`` out.
    **changes
        Any field, as it is. ``id``, ``row_end_ns``, ``times`` and ``digest`` follow from the
        others unless given.
    """
    rng = np.random.default_rng([seed, row, n])
    fields: dict[str, Any] = {
        "portfolio": "main",
        "trigger": "row",
        "method": "resample",
        "objective": "max_sharpe",
        "row": row,
        "sample_interval_ns": SECOND_NS,
        "n_observations": 300,
        "symbols": make_symbols(n),
        **_statistics(n, rng),
        "expected_return": float(rng.normal(1e-5, 1e-5)),
        "portfolio_volatility": float(rng.uniform(1e-4, 1e-3)),
        "sharpe": float(rng.uniform(0, 0.2)),
        "sharpe_stddev": float(rng.uniform(0, 0.05)),
        "optimality_gap": float(rng.uniform(0, 0.3)),
        "n_draws": 1024,
        "seed": 1,
        "round": 0,
        "engine": "local",
        "peers": ("local-0", "local-1"),
        "degraded": False,
        "late": False,
        "reason": "",
        "offsets": {"0": (row - FIRST_ROW) * 20 % 10**12},
        "cloud": make_curve(row, cloud_points, seed) if cloud_points else None,
        "frontier": make_curve(row, 24, seed + 1) if cloud_points else None,
    }
    fields |= changes
    partitions = {int(partition): offset for partition, offset in fields["offsets"].items()}
    fields.setdefault("id", decision_id(fields["portfolio"], row, partitions))
    fields.setdefault("row_end_ns", (row + 1) * fields["sample_interval_ns"])
    fields.setdefault("times", _times(fields["row_end_ns"]))
    inputs = [fields[name] for name in ("mean", "volatility", "start_weights", "weights")]
    texts = fields["id"], *fields["symbols"]
    volatility = fields["volatility"]
    digest = decision_digest(texts, [row], inputs, np.outer(volatility, volatility))
    return Decision(**({"digest": digest} | fields))


def make_status(
    time_ns: int = FIRST_ROW * SECOND_NS, n: int = 3, seed: int = 0, **changes: Any
) -> Status:
    """Make a status record of one instant with n member assets and one engine."""
    rng = np.random.default_rng([seed, n])
    row = time_ns // SECOND_NS
    assets = tuple(
        AssetState(
            symbol=symbol,
            state="member",
            reason="",
            price=float(np.exp(rng.uniform(-4, 11))),
            last_event_time_ns=time_ns - 40_000_000,
        )
        for symbol in make_symbols(n)
    )
    engine = EngineState(
        name="local",
        state="ready",
        dispatch="threads",
        workers=2,
        reason="",
        blocks_in_flight=0,
        blocks_done=int(rng.integers(0, 10**6)),
        restarts=0,
    )
    fields: dict[str, Any] = {
        "portfolio": "main",
        "time_ns": time_ns,
        "started_ns": time_ns - 600 * SECOND_NS,
        "state": "deciding",
        "reason": "",
        "row": row,
        "sample_interval_ns": SECOND_NS,
        "window_rows": 300,
        "rows_filled": 300,
        "method": "resample",
        "trigger": "row",
        "last_event_time_ns": time_ns - 40_000_000,
        "last_decision_id": decision_id("main", row, {0: 0}),
        "last_decision_ns": time_ns - 20_000_000,
        "ticks_read": int(rng.integers(10**4, 10**6)),
        "ticks_used": int(rng.integers(10**3, 10**4)),
        "ticks_late": 0,
        "ticks_duplicate": 0,
        "rejected": {},
        "last_rejection": "",
        "lost_offsets": 0,
        "offsets": {"0": int(rng.integers(0, 10**6))},
        "decisions": int(rng.integers(1, 10**4)),
        "decisions_late": 0,
        "decisions_conflated": 0,
        "ticks_per_s": float(rng.uniform(1, 1000)),
        "decisions_per_s": 1.0,
        "memory_bytes": 300_000_000,
        "assets": assets,
        "engines": (engine,),
        "notices": (),
    }
    return Status(**(fields | changes))
