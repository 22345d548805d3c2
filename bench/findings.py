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
        "2026-11-29",
        "Of p99 on Kafka: at the priority of all, a round of ZGC held every process up for 80 ms, "
        "every five seconds at 1000 ticks/s. Collector and compiler of the broker have normal "
        "priority since: 12 times the relay became 2. What was left there came from the ends of "
        "transactions, one a second then, one in ten seconds (kafka.transaction_s) now: a short "
        "tape may have none, and one has a stall of some 20 ms. Stalls of 50 ms and more that are "
        "left at 20 000 ticks/s, the relay's too, come with both processors full at real-time "
        "priority: at normal priority our own part took 10 ms at most, but the median of all "
        "twice as long; without the kernel's limit for real-time processes it was no better. Tapes "
        "of 10 s, each with such an end, had 11 times the relay again at 1000 ticks/s: stalls of "
        "10 to 130 ms in and out of Kafka, with 12 ms at most in our own part. The cloud that is "
        "made each second is not their cause (without it the same); what is has not been found.",
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
