"""Where the time of a decision goes, from the clock of its driver and of its workers."""

from collections.abc import Sequence

import msgspec

STAGES = ("serialise", "send", "wait", "evaluate", "return", "merge")


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """One decision in stages that follow one another, in ms.

    Attributes
    ----------
    serialise
        Writing and reading job and results, timed alone on the same objects; the two next to
        the wire have it no more.
    send
        From the decision's begin until a worker begins, without serialising.
    wait
        Between the first block's begin and the last one's end: no worker evaluates.
    evaluate
        At least one worker evaluates.
    back
        From the last block's end until all results are here, without serialising (``return``).
    merge
        Making the decision of the blocks.
    """

    serialise: float
    send: float
    wait: float
    evaluate: float
    back: float = msgspec.field(name="return")
    merge: float


def split(
    begun_ns: int, received_ns: int, merged_ns: int, blocks: Sequence[tuple[int, int]],
    out_ns: int, back_ns: int,
) -> Stages:  # fmt: skip
    """Split a decision; stages sum to its time.

    Parameters
    ----------
    begun_ns, received_ns, merged_ns
        By the driver: begin, all results there, decision made.
    blocks
        Begin and end of each block at its worker, of the same clock.
    out_ns, back_ns
        What serialising takes alone; no more of it counts than there is time on that way.

    Raises
    ------
    ValueError
        There are no blocks, or they lie outside the decision: clocks of several machines.
    """
    if not blocks:
        raise ValueError("no blocks: nothing to split")
    first, last = min(begin for begin, _ in blocks), max(end for _, end in blocks)
    if not begun_ns <= first <= last <= received_ns <= merged_ns:
        raise ValueError("blocks outside their decision: workers with a clock of their own?")
    busy = _covered_ns(blocks)
    out_ns = min(out_ns, first - begun_ns)
    back_ns = min(back_ns, received_ns - last)
    return Stages(
        serialise=(out_ns + back_ns) / 1e6,
        send=(first - begun_ns - out_ns) / 1e6,
        wait=(last - first - busy) / 1e6,
        evaluate=busy / 1e6,
        back=(received_ns - last - back_ns) / 1e6,
        merge=(merged_ns - received_ns) / 1e6,
    )


def middle(decisions: Sequence[Stages]) -> Stages:
    """Give the decision whose total is the median (the lower of two): its stages still sum up."""
    return sorted(decisions, key=total)[(len(decisions) - 1) // 2]


def total(stages: Stages) -> float:
    """Give a decision's time in ms."""
    return sum(values(stages).values())


def values(stages: Stages) -> dict[str, float]:
    """Give stages by the names of `STAGES`, in that order."""
    found: dict[str, float] = msgspec.to_builtins(stages)
    return {name: found[name] for name in STAGES}


def _covered_ns(blocks: Sequence[tuple[int, int]]) -> int:
    covered, until = 0, 0
    for begin, end in sorted(blocks):
        covered += max(0, end - max(begin, until))
        until = max(until, end)
    return covered
