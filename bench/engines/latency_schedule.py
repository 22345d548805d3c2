"""Open-loop load: when requests are due, and what a server makes of them. No clock in here.

A request is due at its intended time whether or not the one before it is answered, and its
latency runs from there. So a stall counts for every request that fell due meanwhile, not only
for the one that met it (what is known as coordinated omission).
"""

import numpy as np

from stats.compiled import FloatArray, IntArray

# A server that keeps up is behind by what it has at hand; 5 % of a window is a queue that grew.
_BEHIND_SHARE = 0.05
_AT_HAND = 2.0


def poisson_due_ns(seed: int, rate: float, seconds: float) -> IntArray:
    """Draw the due times of a Poisson process, at least one.

    Parameters
    ----------
    seed
        Equal seeds give equal times.
    rate
        Requests a second.
    seconds
        Length; ``round(rate * seconds)`` requests are due, in this time on average.

    Returns
    -------
    IntArray
        int64[n], ascending, ns from the beginning.
    """
    count = max(1, round(rate * seconds))
    gaps = np.random.default_rng([seed, 2]).exponential(1e9 / rate, count)
    return np.cumsum(gaps).astype(np.int64)


def even_due_ns(rate: float, count: int) -> IntArray:
    """Give evenly spaced due times: int64[count], ns, the first at 0."""
    return np.round(np.arange(count) * (1e9 / rate)).astype(np.int64)


def serve_ns(due_ns: IntArray, service_ns: IntArray) -> tuple[IntArray, IntArray]:
    """Give begin and end of each request at one server, first come first served.

    Lindley's recursion: a request begins when it is due or when the one before it ends.
    """
    begun, done = np.empty_like(due_ns), np.empty_like(due_ns)
    free = np.int64(0)
    for place, due in enumerate(due_ns):
        begun[place] = max(due, free)
        free = done[place] = begun[place] + service_ns[place]
    return begun, done


def is_sustained(due_ns: IntArray, begun_ns: IntArray, done_ns: IntArray) -> bool:
    """Tell whether a server kept up with evenly spaced requests.

    It did if at the end it was behind by no more than two typical services, or 5 % of the
    window: above the rate it can do, the queue grows linearly with time.
    """
    window_ns = float(due_ns[-1] - due_ns[0])
    at_hand_ns = _AT_HAND * float(np.median(done_ns - begun_ns))
    return float(done_ns[-1] - due_ns[-1]) <= at_hand_ns + _BEHIND_SHARE * window_ns


def predict_stalled(due_ns: IntArray, begun_ns: IntArray, done_ns: IntArray,
                    stalled: IntArray, stall_ns: int) -> tuple[int, FloatArray]:  # fmt: skip
    """Say what known stalls must do to latencies, from the times without them.

    Parameters
    ----------
    due_ns, begun_ns, done_ns
        int64[n] of a run with stalls.
    stalled
        Places of the requests that were made to wait ``stall_ns`` longer.

    Returns
    -------
    touched : int
        Requests that must be late by at least half a stall: those stalled, and those that fell
        due in the first half of one.
    latencies : FloatArray
        float64[n], ns: by Lindley's recursion from due and service times.
    """
    _, ends = serve_ns(due_ns, done_ns - begun_ns)
    touched = np.zeros(len(due_ns), bool)
    touched[stalled] = True
    for place in stalled:
        until = begun_ns[place] + stall_ns // 2
        touched |= (due_ns >= due_ns[place]) & (due_ns <= until) & (np.arange(len(due_ns)) > place)
    return int(touched.sum()), (ends - due_ns).astype(np.float64)
