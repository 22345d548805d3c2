"""Why goals of kernels are missed, for `bench.findings`: a pattern of goals, and the reason."""

from typing import Final

from bench.kernels import tick_names
from bench.kernels.covariance_names import ADD_EVICT, NUMBAGG, covariance_name
from bench.kernels.draw_goals import LARGE_SIZES, SIZES, cloud_name, resample_name

_WINDOWS: Final = (
    (
        f"{tick_names.ROLLING}: bottleneck *",
        "The goal is from a run in which bottleneck took 2.7 times the prototype's 29 ns a tick; "
        "here it takes 6, for two moments by sums that subtract. 2.5 times that pace is less than "
        "the bound, which reads, takes a logarithm and writes. Ours takes what the prototype took, "
        "for seven figures instead of four.",
    ),
    (
        f"{tick_names.ROLLING}: polars *",
        "polars takes 89 ns a tick here, in the prototype's run it took 250; ours takes what the "
        "prototype took, for seven figures instead of four. Without the other three it is an "
        "eighth less, by hand.",
    ),
    (
        f"{covariance_name(50, 10)}: {NUMBAGG} *",
        "43x would be 0.18 us a row. The bound alone, which multiplies each row once and writes "
        "the matrix every ten, takes 0.16.",
    ),
    (
        f"{covariance_name(50, 1)}: {NUMBAGG} *",
        "8x would be 0.99 us a row. The bound alone, which multiplies and writes once a row, takes "
        "0.96.",
    ),
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
        "corners. In float64, as ours, it takes 8.1x; numpy with our mixture, in float32, 11x.",
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
            "covariance and its factor. daqp, which forms it, takes 14x, 19x and 32x. In ours, "
            "normals and two products of n^3/6 are most of the time at 500 assets.",
        )
        for n in (*SIZES[1:], *LARGE_SIZES)
    ),
)
_SOLVER: Final = (
    (
        "maximum Sharpe ratio of 10 assets,*one row later: daqp *",
        "Of daqp's 11 us its own update and solve take 2.9, by hand; the rest is numpy, which "
        "brings the problem to daqp's tolerances and its answer to weights. Ours takes 2.5 (dense "
        "2.8): with so few assets there is no more to lead by.",
    ),
)
KERNELS: Final = (*_WINDOWS, *_DRAWS, *_SOLVER)
