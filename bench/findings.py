"""Why goals are missed: reasons that people found in published results, as data. Pure.

They hold of the results in ``docs/performance`` alone, so only the page made of those shows them,
each beside its goal, and only where that goal is missed or not decided. Figures of rows are looked
up. What is in no row is written down: parts of engines, the soak's course, and what was measured by
hand or by the prototype.
"""

from typing import Final

from bench.findings_kernels import KERNELS
from bench.findings_live import LIVE
from bench.reasons import Reason, Take
from stats.compiled import FloatArray

_ROW: Final = "row pushed and read"


def _row(of: Take, n_assets: int) -> FloatArray:
    return of(_ROW, f"{n_assets} assets, window 1000")


_OTHERS: Final = (
    Reason(
        "scale", "row pushed and read: fastest growth with n*",
        "From 200 to 500 assets the cost grows {grows} times: the matrix that each read writes "
        "grows from 0.3 to 2 MB and no longer fits a core's own cache. From 500 to 1000 it is "
        "{then} times.",
        {
            "grows": lambda of: _row(of, 500) / _row(of, 200),
            "then": lambda of: _row(of, 1000) / _row(of, 500),
        },
    ),
    Reason(
        "soak", "memory of run: does not grow *",
        "It took 0.17 MiB more in the hour, 0.02 of it in the second half: it comes to rest, but a "
        "line through all of it rises.",
    ),
    Reason(
        "soak", "memory of *: does not grow *",
        "serve took a step of 0.55 MiB, record two of 0.2 and 0.9: pages mapped already that are "
        "touched for the first time. Between them record is flat; serve takes 0.14 in half an "
        "hour: by hand, freed tuples of its libraries, of which CPython keeps 2000 of a length.",
    ),
)  # fmt: skip
_SLEEP: Final = (
    "There and back wakes three threads of ours, and between two requests the processors sleep. "
    "The graph's actors do not sleep, and burn a processor each."
)
_JOB: Final = (
    "A Spark job passes Python, the JVM's scheduler and a Python worker, whatever it holds. With "
    "the same kernels in both, or little work, that is all there is to gain."
)
_ENGINES: Final = (
    Reason("engines", "an empty block: Ray compiled graph*", _SLEEP),
    Reason(
        "engines", "the same by highest sustained rate: *Ray compiled graph",
        "Back to back neither waits for a processor to wake: ours makes more decisions a second, "
        "but not so many more.",
    ),
    Reason(
        "engines", "*bare Spark, default*",
        "The bare job's median of a handful of requests moves between the two repetitions; the "
        "resident block's does not.",
    ),
    Reason(
        "engines", "*ray tasks take at most *",
        "Of 10 assets half of the four milliseconds more are in sending, the rest in evaluating "
        "and waiting; of 50 most are in sending and returning. Host process and workers share two "
        "processors.",
    ),
    Reason("engines", "*spark tasks take at most *", _JOB),
    Reason(
        "engines", "*an engine that stands by costs *",
        "The two repetitions differ by more than the 5 % that is asked for.",
    ),
)  # fmt: skip
REASONS: Final = (
    *(Reason("kernels", *one) for one in KERNELS), *LIVE, *_OTHERS, *_ENGINES,
)  # fmt: skip
