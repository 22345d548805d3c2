"""Why figures are as they are: what was found out about them, and when. Pure.

A note of how a benchmark measures is kept in its result. A finding is made afterwards, by people
who looked into results: so it has a date, is told with it, and stands beside no older result.
"""

from typing import Final, NamedTuple


class Finding(NamedTuple):
    """What was found out about a benchmark's figures.

    Attributes
    ----------
    bench
        Whose figures.
    day
        Of the results that it is about, UTC, as in ``2026-11-29``.
    says
        Whole sentences.
    """

    bench: str
    day: str
    says: str


_FINDINGS: Final[tuple[Finding, ...]] = (
    Finding(
        "kernels",
        "2026-11-29",
        "Why tick moments miss: bottleneck has two moments of a series that is all there, by sums "
        "that add and subtract; 2.5 times its pace is less than the bound, which only reads, "
        "takes logarithms and writes. Eight times polars is add_evict's pace, which pays with the "
        "digits that stand under drift; ours never subtracts, so each tick costs a merger of two "
        "aggregates. For covariances the same holds at 50 assets; a read of 500 is bound by "
        "memory (2 MB written, as much loaded), not by its multiplications: stores past the "
        "cache, prefetches and larger blocks were tried and are no quicker.",
    ),
    Finding(
        "kernels",
        "2026-11-29",
        "Why the cloud misses its bound: of 50 assets the bound's products are a fifth of a "
        "portfolio's time. Ours are in float64, on covariances gathered anew for each set of "
        "assets, and each portfolio's random weights have to be drawn.",
    ),
    Finding(
        "kernels",
        "2026-11-29",
        "Why draws miss at 50 assets (of some 17 us): normals take 5.7, Bartlett's factor 2.9, "
        "the covariance 2.5, gammas 0.9, the solve 3.3. The goal was set against peers that form "
        "a covariance and solve it anew; NNLS on the draw's root, added since, spares them that. "
        "Dense 500 missed while 24 sweeps left 21 wrong places; since the free assets move "
        "together between the sweeps it takes a third less.",
    ),
    Finding(
        "ingest",
        "2026-11-29",
        "Why packed ticks are not 30 times JSON: JSON became four times as quick, by a decoder in "
        "a kernel; what is left of a packed tick are windows, which both have, and its admission.",
    ),
    Finding(
        "pipeline",
        "2026-11-30",
        "Of p99 on Kafka at 1000 ticks/s, which was 11 times the relay's: with the first of its "
        "JVM's compilers alone the broker took one of the two processors whole, and where "
        "processes at real-time priority need more than 95 % of a second the kernel stops all of "
        "them for up to 50 ms (a clock on each processor, at a higher priority, stood as long). "
        "With both compilers it takes 0.6 of one. Each end of a transaction held decisions for 30 "
        "ms, for librdkafka asked for the next one too early, and holds them for 8; the frontier "
        "held ticks for 2 ms a second and is a job of the engines; and a heap of 512 MB was full "
        "before the collector was done. What is left: at 20 000 ticks/s and with draws both "
        "processors are full again, and the kernel's 50 ms are in every p99. Once in five minutes "
        "or so a message took 0.4 to 0.9 s, the relay's too, with no clock that was set and, where "
        "it was looked at, no pause of the collector: why has not been found. Of 18 runs of 20 s "
        "with the broker's data on disk one had it, of 4 in memory none, which decides nothing. At "
        "normal priority the "
        "median took half as long again and p99 two to five times as long.",
    ),
    Finding(
        "pipeline",
        "2026-11-29",
        "Why the own part misses 100 us: hot, in a loop, a decision takes 85 us; with 4 MB written "
        "between two of them, as other processes do to the caches of a live one, 160; and the "
        "consumer's wake-up, librdkafka's calls and the message's copy, which the relay has too, "
        "take some 55. What is left is Python and numpy of many small steps: of the thread's time "
        "in a live run the interpreter has 55 %, kernels and numpy 10 % each, by samples of the "
        "processor's clock. The totals miss by more than that. It is not the message's size: a "
        "relay of 10 kB was as quick as one of 2, in and out; in transactions it took 75 us "
        "more. The rest, 100 to 300 us in and out, comes and goes with the load of the two "
        "processors, which broker, generator and listener share with the decision.",
    ),
)


def findings_of(bench: str, measured: str) -> list[str]:
    """Give what was found about a benchmark's results up to the day of one, each with its day.

    Parameters
    ----------
    measured
        When the result was measured, as `bench.machine.describe_machine` writes it; empty: that is
        not known, and so is not what holds of it.
    """
    return [
        f"Found on {one.day}: {one.says}"
        for one in _FINDINGS
        if one.bench == bench and one.day <= measured[: len(one.day)]
    ]
