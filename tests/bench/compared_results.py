"""Results of which one is set beside the other, of a case whose times are known."""

import msgspec
import numpy as np

from bench.report import Report
from bench.rows import OURS, make_row


def report(
    seed: int, *, ours: float = 1.0, machine: float = 1.0, runs: int = 9, peers: bool = True,
    unit: str = "us", name: str = "kernels",
) -> Report:  # fmt: skip
    """Give a case in which ours takes 100 and two peers 300 and 900, with 3 % of noise a run."""
    rng = np.random.default_rng(seed)
    times = {OURS: 100.0 * ours} | ({"numpy": 300.0, "scipy": 900.0} if peers else {})
    rows = []
    for subject, time in times.items():
        noise = machine * np.exp(rng.normal(0, 0.03, runs))
        samples = [[1e6 / (time * one) if unit == "a second" else time * one] for one in noise]
        rows.append(make_row("a case", subject, unit, samples))
    return Report(bench=name, machine={}, versions={}, rows=tuple(rows))


def tailed(
    seed: int, *, tail: float = 1.0, machine: float = 1.0, values: int = 2_000, unit: str = "us"
) -> Report:
    """Give a case whose slowest twentieth takes three times as long, ours `tail` times that."""
    rng = np.random.default_rng(seed)
    rows = []
    for subject, slow in ((OURS, 3.0 * tail), ("numpy", 3.0)):
        runs = []
        for _ in range(9):
            times = machine * 100.0 * np.exp(rng.normal(0.0, 0.03, values))
            times[: values // 20] *= slow
            runs.append(times)
        rows.append(make_row("a case", subject, unit, runs))
    return Report(bench="kernels", machine={}, versions={}, rows=tuple(rows))


def zeros(made: Report) -> Report:
    rows = (msgspec.structs.replace(row, runs=(0.0,) * len(row.runs)) for row in made.rows)
    return msgspec.structs.replace(made, rows=tuple(rows))
