"""Percentiles of a decision's stages."""

from collections.abc import Sequence

import numpy as np

from optimize.decision import StageTimes
from ui.schemas import StageLatency

# Stage, from its stamp, to its stamp. kafka: from the tick's own time until the broker stamped
# its message (whole ms, so it may read up to 1 ms short); ingest: until the consumer held it.
STAGES = (
    ("kafka", "event_ns", "message_ns"),
    ("ingest", "message_ns", "received_ns"),
    ("update", "received_ns", "updated_ns"),
    ("wait", "updated_ns", "submitted_ns"),
    ("solve", "submitted_ns", "solved_ns"),
    ("publish", "solved_ns", "published_ns"),
    ("total", "event_ns", "published_ns"),
)


def stage_percentiles(times: Sequence[StageTimes]) -> list[StageLatency]:
    """Give p50, p90, p99 (linear interpolation) and the greatest of each stage, in microseconds.

    Parameters
    ----------
    times
        At least one.
    """
    stages = []
    for stage, start, end in STAGES:
        # Differences in int64 first: float64 would round stamps of 1.8e18 ns to 256 ns.
        spans_ns = np.array([getattr(t, end) - getattr(t, start) for t in times], np.int64)
        spans_us = spans_ns / 1e3
        p50, p90, p99 = (float(value) for value in np.percentile(spans_us, (50, 90, 99)))
        stages.append(
            StageLatency(
                stage=stage, start=start, end=end,
                p50=p50, p90=p90, p99=p99, max=float(spans_us.max()),
            )
        )  # fmt: skip
    return stages
