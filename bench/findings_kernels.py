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
        "the bound, which reads, takes a logarithm and writes. Ours takes 32, for seven figures "
        "instead of the prototype's four.",
    ),
    (
        f"{tick_names.ROLLING}: polars *",
        "polars takes 92 ns a tick here, in the prototype's run it took 250; ours takes 32, for "
        "seven figures instead of the prototype's four. Without the other three it is an eighth "
        "less, by hand.",
    ),
    (
        f"{covariance_name(50, 10)}: {NUMBAGG} *",
        "43x would be 0.20 us a row. The bound alone, which multiplies each row once and writes "
        "the matrix every ten, takes 0.17.",
    ),
    (
        f"{covariance_name(100, 10)}: {NUMBAGG} *",
        "Its result is 100 MB. Where the system gives those pages anew in each call, as it does if "
        "left to itself, numbagg takes 39x to 44x, at times 130x; here they are there, as ours "
        "are.",
    ),
    (
        f"covariance of * read every row: {NUMBAGG} *",
        "8x would be 1.1 us a row of 50 assets, 4.3 of 100. The bound alone, which multiplies and "
        "writes once a row, takes 0.97 and 2.9. Where pages are made anew in each call, 100 assets "
        "are at 8.3x.",
    ),
    (
        f"covariance of *read every 10 rows: {ADD_EVICT} *",
        "A read loads and merges two triangles where add_evict loads one, and every ten rows there "
        "are few reads to gain by. The prototype reached 1.5x of 200 and 2.0x of 500 assets. Half "
        "of our time is the bound's. Stores past the cache and larger blocks gained nothing.",
    ),
)
_DRAWS: Final = (
    (
        f"{cloud_name(50)}: the best of the peers *",
        "The best peer holds all assets in each portfolio: a cloud without edges and corners. "
        "Beside numpy with our mixture it is 15x. A half of our time is drawing the weights.",
    ),
    (
        "cloud of * the bound",
        "The bound is one product of weights that are there already. Of ours, drawing them takes a "
        "half; then means, and covariances gathered anew for each 8 to 128 portfolios.",
    ),
    *(
        (
            f"{resample_name(n)}: the best of the peers *",
            "The goal was taken from daqp. NNLS on the draw's triangular root is quicker: it "
            "spares forming the draw's covariance and its factor. Of 50 and 100 assets our own "
            "normals, factor and covariance take most of a draw, of 500 the factor 0.9 of 1.6 ms.",
        )
        for n in (*SIZES[1:], *LARGE_SIZES)
    ),
)
_SOLVER: Final = (
    (
        "maximum Sharpe ratio of 10 assets,*one row later: daqp *",
        "Of daqp's 14 to 16 us its own update and solve take 2.9 by hand; the rest is numpy, which "
        "brings the problem to daqp's tolerances and its answer to weights. Ours takes 2.8 to 3.3, "
        "of which its kernel 1.2 and calling it from Python the rest.",
    ),
)
KERNELS: Final = (*_WINDOWS, *_DRAWS, *_SOLVER)
