"""Which decision covers a tick, and where the tick's time went until then. Pure."""

from dataclasses import dataclass

import numpy as np

from stats.compiled import FloatArray, IntArray

# Stages of a decision in order, each from the stamp before it; the first begins when the tick
# was due. ``wait`` reads the windows and makes the estimates, beside waiting for an engine.
STAMPS = ("due", "sent", "received", "updated", "submitted", "solved", "published", "arrived")
STAGES = ("generator lag", "kafka in", "update", "wait", "solve", "publish", "kafka out")
OWN_PART = "own part"
# From stamp to stamp, across stages.
SPANS = {
    OWN_PART: ("received", "published"),
    "made": ("due", "published"),
    "total": ("due", "arrived"),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """Ticks as a generator has sent them; all times int64 ns UTC, in the order of offsets.

    Attributes
    ----------
    due_ns, sent_ns
        When each was due, and when it was handed to the producer.
    first_offset
        Offset of the first; the others follow without a gap.
    """

    due_ns: IntArray
    sent_ns: IntArray
    first_offset: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Messages of the contender in the order of their arrival.

    Attributes
    ----------
    offset
        int64[m], the newest tick that each covers.
    stamps_ns
        Name of a stamp, from ``received`` on, to int64[m]; stamps that a contender does not
        have are left out. ``arrived`` is the receiver's own clock.
    """

    offset: IntArray
    stamps_ns: dict[str, IntArray]


@dataclass(frozen=True, slots=True)
class Latencies:
    """Times of the ticks that count.

    Attributes
    ----------
    stages
        Name of a stage or span to float64[k], microseconds.
    n_uncovered
        Ticks that count and that no message covers: not among the times.
    """

    stages: dict[str, FloatArray]
    n_uncovered: int


def attribute(sent: Sent, arrivals: Arrivals, warm_up_ns: int) -> Latencies:
    """Give each tick the first message to arrive that covers it.

    Parameters
    ----------
    sent, arrivals
        What went in, and what came out.
    warm_up_ns
        Ticks due in this time after the first one do not count.

    Returns
    -------
    Latencies
        Every tick counts once, those of one message alike.
    """
    counted = sent.due_ns >= sent.due_ns[0] + warm_up_ns
    # A message may come twice or late: what is covered never goes back.
    covered = np.maximum.accumulate(arrivals.offset) if len(arrivals.offset) else arrivals.offset
    offsets = sent.first_offset + np.arange(len(sent.due_ns))
    message = np.searchsorted(covered, offsets, side="left")
    found = counted & (message < len(covered))
    message = message[found]
    stamps = {"due": sent.due_ns[found], "sent": sent.sent_ns[found]}
    stamps |= {name: values[message] for name, values in arrivals.stamps_ns.items()}
    # Differences in int64 first: float64 would round stamps of 1.8e18 ns to 256 ns.
    stages = {
        name: (stamps[end] - stamps[start]) / 1e3
        for name, start, end in _spans()
        if start in stamps and end in stamps
    }
    return Latencies(stages, int(counted.sum() - found.sum()))


def _spans() -> list[tuple[str, str, str]]:
    each = list(zip(STAGES, STAMPS[:-1], STAMPS[1:], strict=True))
    return each + [(name, start, end) for name, (start, end) in SPANS.items()]
