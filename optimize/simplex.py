"""Random long-only portfolios: how many assets one holds, which, and with what weights.

A draw holds k of the n assets, each set of k as likely as any other, with weights even on the
simplex of the k (Dirichlet of concentration 1: exponentials over their sum). k goes round n,
n/2, n/4, ... (rounded up) down to the fewest that the cap allows, 1 without one: the middle of
the simplex, its faces, edges and corners. Runs of 8 draws have one k, so that 8 are made at once.

The assets are every t-th from the s-th on of a random order, s and t even over what fits: an
order serves 128 draws of each k. Up to 8 held assets each draw has its own s and t; of more,
8 to 128 draws share theirs (16 of 25 assets), and their products are made as those of matrices.
"""

import numpy as np
from numpy.typing import NDArray

from optimize.lane_code import LANES
from optimize.lane_math import fill_exponentials
from optimize.philox import CLOUD, CLOUD_ORDER, WordArray, fill_stream
from stats.compiled import FloatArray, IntArray, kernel, lean_kernel

AssetArray = NDArray[np.uint32]

RUN = 8  # draws of one k side by side, as many as a vector of doubles has lanes
FEW = 8  # held assets: up to here each draw has its own
PERIOD = 16  # runs of each k that one order of the assets serves
_32 = np.uint64(32)


@lean_kernel
def fill_sizes(n: int, cap: float, sizes: IntArray) -> int:
    """Fill int64[64] with the numbers of held assets that draws go round; return how many."""
    least, size, kinds = 1, n, 0
    while least * cap < 1.0 - 1e-12 and least < n:
        least += 1
    while size > least:
        sizes[kinds] = size
        kinds += 1
        size = (size + 1) // 2
    sizes[kinds] = least
    return kinds + 1


@lean_kernel
def count_sharing(n: int, held: int) -> int:
    """Give how many runs of k held assets share them: the larger k, the more alike draws are."""
    return PERIOD if held == n else max(1, min(PERIOD, (held + 7) // 16))


@lean_kernel
def find_turns(first: int, count: int, kind: int, kinds: int) -> tuple[int, int]:
    """Give which runs of a kind have draws of a block: of the turns round all kinds, from, to."""
    last = first + count - 1
    return (first // RUN - kind + kinds - 1) // kinds, (last // RUN - kind) // kinds + 1


@kernel
def fill_order(seed: int, round_: int, period: int, order: AssetArray) -> None:
    """Fill uint32[n] with a random order of the assets (Fisher and Yates)."""
    n = order.shape[0]
    words = np.empty((2, n // 2 + 1), np.uint64)
    fill_stream(seed, round_, period, CLOUD_ORDER, 0, 0, words[0], words[1])
    for i in range(n):
        order[i] = i
    for i in range(n - 1, 0, -1):
        word = words[i % 2, i // 2] >> _32
        j = np.int64(word * np.uint64(i + 1) >> _32)
        order[i], order[j] = order[j], order[i]


@lean_kernel
def count_steps(n: int, held: int) -> int:
    """Give the longest step at which k held assets are all different."""
    return max((n - 1) // (held - 1), 1) if held > 1 else 1


@lean_kernel
def choose(first: int, second: int, steps: int, order: AssetArray, assets: AssetArray) -> None:
    """Fill uint32[held] with every t-th asset of the order from the s-th on, by two words."""
    n = order.shape[0]
    start = np.int64((np.uint64(first) >> _32) * np.uint64(n) >> _32)
    step = 1 + np.int64((np.uint64(second) >> _32) * np.uint64(steps) >> _32)
    for i in range(assets.shape[0]):
        assets[i] = order[start]
        start += step
        start -= n if start >= n else 0


@lean_kernel
def count_words(held: int) -> int:
    """Give how many positions of its stream a run takes, four words each, in whole vectors.

    What would be left over of a vector costs more one by one than made and not used.
    """
    return RUN + (2 * held + RUN - 1) // RUN * RUN


@lean_kernel
def turn_exponentials(words: WordArray, out: FloatArray) -> None:
    """Turn both halves of uint64[k] into float64[2 k] of exponentials, k whole vectors."""
    k = words.shape[0]
    for e in range(0, k, LANES):
        fill_exponentials(words, e, out, e, k)


@lean_kernel
def draw_run(
    seed: int, round_: int, run: int, begin: int, words: WordArray, panel: FloatArray
) -> None:
    """Fill words uint64[2, 8 + m] of a run and float64[4 m] with exponentials of all but 8.

    The first 8 positions choose assets; from position ``begin`` on, 8 where that was done, words
    are made. The others give four exponentials each, of 32 random bits; asset i's of the run's
    draws stand from 8 i on.
    """
    fill_stream(seed, round_, run, CLOUD, 0, begin, words[0, begin:], words[1, begin:])
    m = words.shape[1] - RUN
    turn_exponentials(words[0, RUN:], panel[: 2 * m])
    turn_exponentials(words[1, RUN:], panel[2 * m :])


@lean_kernel
def cut_panel(cap: float, held: int, panel: FloatArray) -> None:
    """Scale each draw of a panel to sum 1, cut it to the cap, and deal what is over.

    In proportion to the room left below the cap. Held assets are enough for all to find room.
    """
    for lane in range(RUN):
        total, over, room = 0.0, 0.0, 0.0
        for e in range(lane, RUN * held, RUN):
            total += panel[e]
        for e in range(lane, RUN * held, RUN):
            weight = panel[e] / total
            over += max(weight - cap, 0.0)
            room += max(cap - weight, 0.0)
            panel[e] = min(weight, cap)
        share = min(over / room, 1.0) if room > 0.0 else 0.0
        for e in range(lane, RUN * held, RUN):
            panel[e] = min(panel[e] + (cap - panel[e]) * share, cap)
