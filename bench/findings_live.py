"""Why goals of the live path are missed, ingest and from tick to decision, for `bench.findings`."""

from typing import Final

from bench.case_names import KAFKA, ingest_case, loop_case, stage_case
from bench.reasons import Reason, Take
from bench.rows import OURS
from stats.compiled import FloatArray

_JSON: Final = ingest_case(KAFKA, "JSON")
_PACKED: Final = ingest_case(KAFKA, "packed")
_SIZE: Final = "size of a message out"


def _live(
    of: Take, stage: str, subject: str = OURS, *, rate: int = 1000, tail: bool = False
) -> FloatArray:
    return of(stage_case(loop_case(KAFKA, "exact", rate), stage), subject, tail=tail)


def _beside_relay(of: Take, stage: str, *, rate: int = 1000, tail: bool = False) -> FloatArray:
    ours, relay = (_live(of, stage, who, rate=rate, tail=tail) for who in (OURS, "relay"))
    return ours - relay


_INGEST: Final = (
    Reason(
        "ingest", "*takes at least 30x of Kafka, packed *",
        "No decoder can reach it on this fetch: to fetch a packed tick alone (the bound) takes "
        "1/{fetch} of a JSON tick's whole time. Beside confluent-kafka and msgspec on JSON, packed "
        "ticks are {beside}x.",
        {
            "fetch": lambda of: of(_JSON) / of(_PACKED, "bound"),
            "beside": lambda of: of(_JSON, "confluent-kafka and msgspec") / of(_PACKED),
        },
    ),
)  # fmt: skip
_PIPELINE: Final = (
    Reason(
        "pipeline", "*p50 at most * the relay",
        "The prototype was at 1.15x and 1.04x. At 1000 ticks/s our own part takes {own} us more "
        "than the relay's; the way out {out}: our decision goes in a transaction and is {size} "
        "times its bytes; the way in {way_in}: three ticks of ten come while a decision is made "
        "and wait for it.",
        {
            "own": lambda of: _beside_relay(of, "own part"),
            "out": lambda of: _beside_relay(of, "kafka out"),
            "way_in": lambda of: _beside_relay(of, "kafka in"),
            "size": lambda of: _live(of, _SIZE) / _live(of, _SIZE, "relay"),
        },
    ),
    Reason(
        "pipeline", "*1000 ticks/s, total: p99 at most * the relay",
        "Our own part's p99 is {own} us above the relay's, Kafka's ways in and out {way_in} and "
        "{out}; p99s of parts do not add up.",
        {
            "own": lambda of: _beside_relay(of, "own part", tail=True),
            "out": lambda of: _beside_relay(of, "kafka out", tail=True),
            "way_in": lambda of: _beside_relay(of, "kafka in", tail=True),
        },
    ),
    Reason(
        "pipeline", "*20000 ticks/s, total: p99 at most * the relay",
        "Our own part's p99 is {own} us above the relay's, Kafka's ways in and out {way_in} and "
        "{out}; p99s of parts do not add up.",
        {
            "own": lambda of: _beside_relay(of, "own part", rate=20_000, tail=True),
            "way_in": lambda of: _beside_relay(of, "kafka in", rate=20_000, tail=True),
            "out": lambda of: _beside_relay(of, "kafka out", rate=20_000, tail=True),
        },
    ),
    Reason(
        "pipeline", "*own part: p50 at most 100 us",
        "All of it is processor time of its thread, for some 120 calls in Python and as many in "
        "C. By hand a part of it, the digest, takes 13 us in a loop, 39 live or where another "
        "process shares the core, as Kafka does. Large pages, cores kept awake or a Python built "
        "by profile gain 2 % at most.",
    ),
    Reason(
        "pipeline", "*total: PyPortfolioOpt takes at least 12x",
        "Kafka in and out is in our time and in theirs. 12x would leave us {left} us in all; the "
        "relay, which decides nothing, takes {relay}.",
        {
            "left": lambda of: _live(of, "total", "PyPortfolioOpt") / 12.0,
            "relay": lambda of: _live(of, "total", "relay"),
        },
    ),
    Reason(
        "pipeline", "*total: skfolio takes at least 20x",
        "As with PyPortfolioOpt: 20x would leave us {left} us in all, {more} more than the relay "
        "takes.",
        {
            "left": lambda of: _live(of, "total", "skfolio") / 20.0,
            "more": lambda of: (
                _live(of, "total", "skfolio") / 20.0 - _live(of, "total", "relay")
            ),
        },
    ),
)  # fmt: skip
_OVERLOAD: Final = (
    Reason(
        "overload", "*p99 at most 3 solves",
        "A tick waits for the solve under way, then for its own. The slowest hundredth of solves "
        "takes {one} median solves: two such make {two}, and Kafka's way in comes on top.",
        {
            "one": lambda of: of("solve", tail=True) / of("solve"),
            "two": lambda of: 2.0 * of("solve", tail=True) / of("solve"),
        },
    ),
)  # fmt: skip
LIVE: Final = (*_INGEST, *_PIPELINE, *_OVERLOAD)
