"""Why goals are missed: reasons that people found in published results, as data. Pure.

They hold of the results in ``docs/performance`` alone, so only the page made of those shows them,
each beside its goal, and only where that goal is missed or not decided.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from bench.findings_kernels import KERNELS


class Reason(NamedTuple):
    """Why a goal is missed.

    Attributes
    ----------
    bench, goal
        Whose it is: a benchmark, and a pattern of goals as ``fnmatch`` has it.
    says
        A sentence or two. Where no cause was found, that.
    """

    bench: str
    goal: str
    says: str


_INGEST: Final = (
    Reason(
        "ingest", "*takes at least 30x of Kafka, packed *",
        "No decoder can reach it on this fetch: to fetch a packed tick alone (the bound) takes "
        "1/28 of a JSON tick's whole time. Beside confluent-kafka and msgspec on JSON, packed "
        "ticks are 30x.",
    ),
)  # fmt: skip
_PIPELINE: Final = (
    Reason(
        "pipeline", "*p50 at most * the relay",
        "The prototype was at 1.15x and 1.04x. At 1000 ticks/s our own part takes 310 us more than "
        "the relay's; the way out 110: our decision goes in a transaction and is five times its "
        "bytes; the way in 75: three ticks of ten come while a decision is made and wait for it.",
    ),
    Reason(
        "pipeline", "*1000 ticks/s, total: p99 at most * the relay",
        "Our own part's p99 is 0.6 ms above the relay's, Kafka's ways in and out 0.4 and 0.5.",
    ),
    Reason(
        "pipeline", "*20000 ticks/s, total: p99 at most * the relay",
        "In one of six repetitions ticks waited 0.39 s on their way in and a decision as long on "
        "its way out, while our own part took 40 ms at most: the broker stood still. Why was not "
        "found; no run of the relay met it this time. Two of the other five meet the goal.",
    ),
    Reason(
        "pipeline", "*own part: p50 at most 100 us",
        "Some 120 calls in Python and 105 in C. Encoding takes 30, the rest 85 us hot in a loop, "
        "160 with 4 MB written between two decisions, the consumer's wake-up 48; where 127 of the "
        "live 365 go was not found. The prototype took 147, 16 of them to send: ours ends before.",
    ),
    Reason(
        "pipeline", "*total: PyPortfolioOpt takes at least 12x",
        "Kafka in and out is in our time and in theirs. 12x would leave us 1.0 ms in all; the "
        "relay, which decides nothing, takes 0.87.",
    ),
    Reason(
        "pipeline", "*total: skfolio takes at least 20x",
        "As with PyPortfolioOpt: 20x would leave us 1.2 ms in all, 0.35 more than the relay takes.",
    ),
)  # fmt: skip
_OTHERS: Final = (
    Reason(
        "overload", "*p99 at most 3 solves",
        "A tick waits for the solve under way, then for its own. The slowest hundredth of solves "
        "takes 1.6 median solves: two such make 3.2, and Kafka's way in comes on top.",
    ),
    Reason(
        "scale", "row pushed and read: fastest growth with n*",
        "From 200 to 500 assets the cost grows 13 times: the matrix that each read writes grows "
        "from 0.3 to 2 MB and no longer fits a core's own cache. From 500 to 1000 it is 3 times.",
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
        "Back to back the graph makes about as many decisions a second: neither waits for a "
        "processor to wake.",
    ),
    Reason(
        "engines", "*bare Spark, default*",
        "The bare job's median of a handful of requests moves between the two repetitions; the "
        "resident block's does not.",
    ),
    Reason(
        "engines", "*ray tasks take at most *",
        "While the workers evaluate, the host process wakes too, on the same two processors.",
    ),
    Reason("engines", "*spark tasks take at most *", _JOB),
)  # fmt: skip
REASONS: Final = (
    *(Reason("kernels", goal, says) for goal, says in KERNELS),
    *_INGEST, *_PIPELINE, *_OTHERS, *_ENGINES,
)  # fmt: skip


def find_reason(reasons: Sequence[Reason], bench: str, goal: str) -> str:
    """Give the first reason of a goal; empty without one."""
    for one in reasons:
        if one.bench == bench and fnmatchcase(goal, one.goal):
            return one.says
    return ""
