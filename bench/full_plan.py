"""The steps of a whole measurement, and which of them are left. Pure."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

REAL: Final = ("--broker", "kafka")
_PIPELINE: Final = (
    "--repetitions", "6", "--seconds", "5", "--methods", "exact,resample",
    "--engines", "local,ray,spark", "--libraries",
)  # fmt: skip

VERSIONS: Final = (
    "numpy", "numba", "llvmlite", "scipy", "msgspec", "confluent-kafka", "pydantic", "ray",
    "pyspark", "aiokafka", "bottleneck", "daqp", "distributed", "hdrhistogram", "joblib", "numbagg",
    "polars", "pyportfolioopt", "skfolio",
)  # fmt: skip
"""What figures depend on as it is installed, whatever the lock says."""


SHORT_LACKS: Final = (
    "The short form has no Kafka, Ray or Spark but in the engines' own benchmark, so no goal of "
    "ingest or pipeline is judged. It plays the pipeline at 1000 ticks a second alone. It leaves "
    "out saturation, overload, soak, starts with an empty compile cache, memory at 500 assets and "
    "the kernels' long cases. It has three repetitions, of memory one, and so no interval."
)
"""What ``bench full --short`` does not measure."""


class Step(NamedTuple):
    """One benchmark of the measurement.

    Attributes
    ----------
    name
        Its result is kept under this name.
    arguments
        What follows `silverbullet`; where the result is to be kept is added.
    minutes
        What it takes about, on two cores.
    """

    name: str
    arguments: tuple[str, ...]
    minutes: float


def short_plan() -> tuple[Step, ...]:
    """Give a short form on embedded parts, under ten minutes in all, see `SHORT_LACKS`."""
    return (
        # 48 s, and as much to compile the peers once.
        _step("kernels", 2.0, "--seconds", "0.02", "--repetitions", "3"),
        _step(
            "scale", 0.4, "--assets", "10,50,200", "--windows", "100,1000",
            "--seconds", "0.01", "--repetitions", "3",
        ),
        _step("start", 0.9, "--cold", "0", "--repetitions", "3"),
        # 35 s each time; peaks of one build differ by 0.8 %.
        _step("memory", 0.6, "--assets", "50", "--seconds", "15", "--repetitions", "1"),
        _step("ingest", 0.6, "--repetitions", "3"),
        # A play takes 5.4 s and its tape. Two more rates would be 90 s: more than ten minutes.
        _step("pipeline", 0.8, "--rates", "1000", "--seconds", "2", "--repetitions", "3"),
        _step("engines", 4.0, "--quick"),
    )  # fmt: skip


def full_plan() -> tuple[Step, ...]:
    """Give all of it, six repetitions where that takes no hours more; the longest comes last.

    An interval over medians that covers 95 % needs six (1 - 2 / 2^6 = 0.97). What starts a whole
    program each time, as memory, cold starts, saturation and engines do, has three and its range.
    """
    return (
        _step("kernels", 11.0, "--full"),
        _step("scale", 1.5),
        _step("start", 3.5, "--cold", "3"),
        _step("memory", 6.5, "--repetitions", "3"),
        _step("ingest", 1.5, *REAL, "--quixstreams", "--repetitions", "6"),
        _step("pipeline", 33.0, *REAL, *_PIPELINE, "--quixstreams"),
        # No quixstreams: librdkafka's mock has no groups to join.
        Step("pipeline-embedded", ("bench", "pipeline", *_PIPELINE), 30.0),
        # Some seven rates of two forms of ticks, of ours and the relay, 11 s each with a start.
        Step(
            "saturation",
            ("bench", "pipeline", *REAL, "--saturation", "--repetitions", "3"),
            18.0,
        ),
        Step("overload", ("bench", "pipeline", *REAL, "--overload"), 11.0),
        _step("soak", 67.0, "--minutes", "65"),  # an hour of it counts
        # So many seconds that the default job has a p99: 100 requests of five a second.
        _step("engines", 126.0, "--seconds", "7"),
    )  # fmt: skip


def _step(bench: str, minutes: float, *options: str) -> Step:
    return Step(bench, ("bench", bench, *options), minutes)


def steps_left(plan: Sequence[Step], kept: Collection[str]) -> list[Step]:
    """Give the steps whose result is not there, in order."""
    return [step for step in plan if step.name not in kept]


def describe_left(left: Sequence[Step]) -> str:
    """Say what is left and how long that takes about."""
    if not left:
        return "nothing is left"
    names = ", ".join(step.name for step in left)
    minutes = sum(step.minutes for step in left)
    about = f"{minutes / 60:.1f} hours" if minutes >= 90 else f"{max(1, round(minutes))} min"
    return f"left: {names}; about {about}"
