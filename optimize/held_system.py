"""The linear system of the assets that are thought to be held.

Scaled as in `optimize.coordinates`. With F the free assets and C those at the cap c, y = c s on C
and

    S_FF y_F = q_F + b 1 - s a,   a = c S_FC 1

where q is the target, s = sum(y), and b, what the cap adds to the slope of all, is c times the sum
of the slopes of C: two more unknowns and two linear equations, so three right-hand sides. Without
assets at the cap it is one.

Its rows are brought to a multiple of 4 by rows of the identity, of which nothing comes.
"""

from optimize.factor import eliminate, substitute, whole_tiles
from optimize.factor_tiles import WIDE
from stats.compiled import FloatArray, IntArray, lean_kernel


@lean_kernel
def gather(
    target: FloatArray,
    cap: float,
    covariance: FloatArray,
    free: IntArray,
    full: IntArray,
    start: int,
    system: FloatArray,
    scales: FloatArray,
) -> None:
    """Fill the system: S_FF from its diagonal on, then columns q_F, 1 and a, then zeros.

    Of the first ``start`` rows, which are factorised, the columns from there on.
    """
    k, rows = free.shape[0], system.shape[0]
    for x in range(rows):
        out = system[x]
        out[x // 4 * 4 : x] = 0.0
        out[k : rows + 2 + WIDE] = 0.0
        if x >= k:
            out[x], scales[x] = 1.0, 1.0
            continue
        row = covariance[free[x]]
        for y in range(max(x, start), k):
            out[y] = row[free[y]]
        if x >= start:
            scales[x] = row[free[x]]
        total = 0.0
        for i in full:
            total += row[i]
        out[rows], out[rows + 1], out[rows + 2] = target[free[x]], 1.0, cap * total


@lean_kernel
def solve_places(
    target: FloatArray,
    cap: float,
    covariance: FloatArray,
    free: IntArray,
    full: IntArray,
    kept: int,
    system: FloatArray,
    solved: FloatArray,
) -> tuple[float, float]:
    """Solve for the free assets' y, into the first row of ``solved`` float64[4, k].

    Parameters
    ----------
    kept
        So many of the first free assets are those of the last call, whose factor still stands in
        ``system`` and in the last row of ``solved``.
    system
        float64[k, p]: k and p are ``whole_tiles`` and ``padded`` of free assets, or more.

    Returns
    -------
    s, b
        s is 0 where there is no such optimum, -1 where the covariance of the set is singular.
    """
    right = 3 if full.shape[0] > 0 else 1
    if free.shape[0] == 0:
        return -1.0, 0.0
    rows = whole_tiles(free.shape[0])
    system, scales = system[:rows], solved[3]
    start = kept - kept % 4
    gather(target, cap, covariance, free, full, start, system, scales)
    if eliminate(system, scales, right, start) < rows:
        return -1.0, 0.0
    for r in range(right):
        substitute(system, r, scales, solved[r])
    total = 0.0
    for x in range(free.shape[0]):
        total += solved[0, x]
    if full.shape[0] == 0:
        return max(total, 0.0), 0.0
    s, b = scale(target, cap, covariance, free, full, system, solved, total)
    for x in range(free.shape[0]):
        solved[0, x] += b * solved[1, x] - s * solved[2, x]
    return s, b


@lean_kernel
def scale(
    target: FloatArray,
    cap: float,
    covariance: FloatArray,
    free: IntArray,
    full: IntArray,
    system: FloatArray,
    solved: FloatArray,
    total: float,
) -> tuple[float, float]:
    """Solve the two equations of s and b.

    With X = S_FF^-1 and u = 1 - c |C| + 1'X a:  u s - 1'X 1 b = 1'X q_F,  and
    u b + (c^2 1'S_CC 1 - a'X a) s = c 1'q_C - a'X q_F.
    """
    rows = system.shape[0]
    ones, pull, gained, own = 0.0, 0.0, 0.0, 0.0
    for x in range(free.shape[0]):
        a = system[x, rows + 2]  # of L^-1 a: its products are those of a with X between
        ones += solved[1, x]
        pull += solved[2, x]
        gained -= system[x, rows] * a
        own -= a * a
    for i in full:
        gained += cap * target[i]
        for j in full:
            own += cap * cap * covariance[i, j]
    u = 1.0 - cap * full.shape[0] + pull
    bend = u * u + ones * own
    if not bend > 0.0:
        return 0.0, 0.0
    s = (u * total + ones * gained) / bend
    return max(s, 0.0), (u * gained - own * total) / bend
