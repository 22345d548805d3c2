"""Where assets stand: at zero, free, or at the cap."""

from optimize.columns import ByteArray
from stats.compiled import FloatArray, IntArray, inlined, lean_kernel

LOW, FREE, FULL = 0, 1, 2
# Caps of n assets that miss 1 by less reach it.
NEARLY = 1e-9


@inlined
def find_place(scaled: float, limit: float) -> int:
    """Say whether a scaled weight is low, free or at the limit."""
    if scaled <= 0.0:
        return LOW
    return FULL if scaled >= limit else FREE


@lean_kernel
def place_all(scaled: FloatArray, limit: float, places: ByteArray) -> None:
    """Say of each asset where it is."""
    for i in range(scaled.shape[0]):
        places[i] = find_place(scaled[i], limit)


@lean_kernel
def list_places(places: ByteArray, wanted: int, found: IntArray) -> int:
    """List the assets of a place; return how many."""
    count = 0
    for i in range(places.shape[0]):
        if places[i] == wanted:
            found[count] = i
            count += 1
    return count


@lean_kernel
def flip(
    target: FloatArray,
    level: float,
    limit: float,
    scaled: FloatArray,
    gradient: FloatArray,
    places: ByteArray,
) -> None:
    """Place assets at the bounds they were cut to, and free those that would gain."""
    for i in range(places.shape[0]):
        slope = target[i] + level - gradient[i]
        if places[i] == FREE:
            places[i] = find_place(scaled[i], limit)
        elif (places[i] == LOW and slope > 0.0) or (places[i] == FULL and slope < 0.0):
            places[i] = FREE


@lean_kernel
def admit(
    cap: float,
    target: FloatArray,
    gradient: FloatArray,
    places: ByteArray,
) -> None:
    """Let in as many of the low assets, steepest first, as caps need to reach a sum of 1."""
    n = places.shape[0]
    held = 0
    for i in range(n):
        held += places[i] != LOW
    while held * cap < 1.0 - NEARLY and held < n:
        best = -1
        for i in range(n):
            steeper = best < 0 or target[i] - gradient[i] > target[best] - gradient[best]
            if places[i] == LOW and steeper:
                best = i
        places[best] = FREE
        held += 1
