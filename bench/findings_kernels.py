"""Why goals of kernels are missed, for `bench.findings`: a pattern of goals, and the reason."""

from typing import Final

from bench.kernels import tick_names
from bench.kernels.covariance_names import ADD_EVICT, NUMBAGG, covariance_name
from bench.kernels.draw_goals import LARGE_SIZES, SIZES, cloud_name, resample_name

_SEEN_QUIETER: Final = (
    "In a run four hours earlier, in which every subject took less and ours a fifth, it was {}. "
    "Why ours loses more on a busier machine was not found."
)
_WINDOWS: Final = (
    (
        f"{tick_names.ROLLING}: bottleneck *",
        "The goal is from a run in which bottleneck took 2.7 times the prototype's 29 ns a tick; "
        "here it takes 7, for two moments by sums that subtract. 2.5 times that pace is less than "
        "the bound, which reads, takes a logarithm and writes. Ours takes 34, for seven figures "
        "instead of the prototype's four.",
    ),
    (
        f"{tick_names.ROLLING}: polars *",
        "polars takes 107 ns a tick here, in the prototype's run it took 250; ours takes 34, for "
        "seven figures instead of the prototype's four. Without the other three it is an eighth "
        "less, by hand.",
    ),
    (f"{tick_names.ON_DEMAND}: takes at most *", _SEEN_QUIETER.format("0.77x (0.74x to 0.78x)")),
    (
        f"{covariance_name(50, 10)}: {NUMBAGG} *",
        "43x would be 0.20 us a row. The bound alone, which multiplies each row once and writes "
        "the matrix every ten, takes 0.21.",
    ),
    (
        f"{covariance_name(100, 10)}: {NUMBAGG} *",
        _SEEN_QUIETER.format("43.7x (43.3x to 134x, as numbagg's own time jumps)"),
    ),
    (
        f"{covariance_name(50, 1)}: {NUMBAGG} *",
        "8x would be 1.05 us a row. The bound alone, which multiplies and writes once a row, takes "
        "1.07.",
    ),
    (f"{covariance_name(50, 10)}: {ADD_EVICT} *", _SEEN_QUIETER.format("1.14x (1.12x to 1.18x)")),
    (f"{covariance_name(200, 10)}: {ADD_EVICT} *", _SEEN_QUIETER.format("1.77x (1.76x to 1.81x)")),
    (
        f"{covariance_name(500, 10)}: {ADD_EVICT} *",
        "The prototype reached 2.0x. A read loads two triangles of 1 MB, keeps what they make "
        "together, 1 MB, and writes 2 MB; add_evict loads one and writes. Half our time is the "
        "bound's. Stores past the cache, prefetches and larger blocks gained nothing.",
    ),
    (
        f"covariance of * read every row: {ADD_EVICT} *",
        "Each read adds again the rows of a block that no triangle holds, 7 of 16 on average, "
        "where add_evict adds one. The prototype reached it with blocks of 8 rows, best for a read "
        "every row. Ours has 16 for all: with 8 a push of 500 assets takes 1.6 times as long.",
    ),
)
_DRAWS: Final = (
    (
        f"{cloud_name(50)}: the best of the peers *",
        "The best peer holds all assets in each portfolio, in float32: a cloud without edges and "
        "corners. In float64, as ours, it takes 8.8x; numpy with our mixture, in float32, 11x.",
    ),
    (
        "cloud of * the bound",
        "The bound is one product in float32 of weights that are there already. Ours draws the "
        "weights, gathers a covariance for each set of assets and multiplies in float64, which has "
        "half the rate.",
    ),
    *(
        (
            f"{resample_name(n)}: the best of the peers *",
            "The best peer has NNLS on the draw's triangular root, which spares forming the draw's "
            "covariance and its factor. daqp, which forms both, takes 16x, 20x and 32x. In ours, "
            "two products of n^3/6 are most of the time at 500 assets.",
        )
        for n in (*SIZES[1:], *LARGE_SIZES)
    ),
)
_SOLVER: Final = (
    (
        "maximum Sharpe ratio of 10 assets,*one row later: daqp *",
        "By hand, of daqp's 10.5 us its own update and solve take 2.9; the rest is numpy, which "
        "brings the problem to daqp's tolerances and its answer to weights. Ours took 2.5 (dense "
        "2.9): with so few assets there is no more to lead by.",
    ),
)
KERNELS: Final = (*_WINDOWS, *_DRAWS, *_SOLVER)
