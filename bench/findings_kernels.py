"""Why goals of kernels are missed, for `bench.findings`: a pattern of goals, and the reason."""

from typing import Final

from bench.kernels import tick_names
from bench.kernels.covariance_names import ADD_EVICT, NUMBAGG, covariance_name
from bench.kernels.draw_goals import DAQP_DRAWS, LARGE_SIZES, SIZES, resample_name

_WINDOWS: Final = (
    (
        f"{tick_names.ROLLING}: bottleneck *",
        "The goal is from a run in which bottleneck took 2.7 times the prototype's 29 ns a tick; "
        "here it takes 6 to 7, for two moments by sums that subtract. 2.5 times that pace is less "
        "than the bound, which reads, takes a logarithm and writes. Ours takes 34, for seven "
        "figures instead of the prototype's four.",
    ),
    (
        f"{tick_names.ROLLING}: polars *",
        "polars takes 93 to 102 ns a tick here, in the prototype's run it took 250; ours takes 34, "
        "for seven figures instead of the prototype's four. Without the other three it is an "
        "eighth less, by hand.",
    ),
    (
        f"{covariance_name(50, 10)}: {NUMBAGG} *",
        "43x would be 0.2 us a row. The bound alone, which multiplies each row once and writes the "
        "matrix every ten, takes 0.18 to 0.23.",
    ),
    (
        f"{covariance_name(100, 10)}: {NUMBAGG} *",
        "Its result is 100 MB. Where the system gives those pages anew in each call, as it does if "
        "left to itself, numbagg took 39x to 44x, at times 130x; here they are there, as ours "
        "are.",
    ),
    (
        f"covariance of * read every row: {NUMBAGG} *",
        "8x would be 1.1 us a row of 50 assets: the bound alone, which multiplies and writes once "
        "a row, takes as much. Of 100 it would be 4.3, where the bound takes 2.6 to 3.2 and ours "
        "5; with pages made anew in each call it was 8.3x.",
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
        f"{resample_name(50)}: {DAQP_DRAWS} *",
        "The medians of both sessions meet it, 15.7x and 16.9x; repetitions of daqp differ by a "
        "tenth.",
    ),
    (
        "cloud of * the bound",
        "The bound is one product of weights that are there already. Of ours, drawing them takes a "
        "half at 50 assets and four tenths at 100; then means, and covariances gathered anew for "
        "each 8 to 128 portfolios, of 8 or fewer held assets for each.",
    ),
    *(
        (
            f"{resample_name(n)}: the best of the peers *",
            "The goal was taken from daqp. NNLS on the draw's triangular root is quicker: it "
            "spares forming the draw's covariance and its factor. Of 50 and 100 assets our own "
            "normals, factor and covariance take most of a draw, of 500 the factor 0.8 of 1.5 ms.",
        )
        for n in (*SIZES[1:], *LARGE_SIZES)
    ),
)
_SOLVER: Final = (
    (
        "maximum Sharpe ratio of 10 assets,*one row later: daqp *",
        "daqp took 11 to 12 us in one session, 15 to 19 in the other: its own update and solve 2.9 "
        "by hand, the rest numpy, which brings the problem to its tolerances and its answer to "
        "weights. Ours took 2.7 to 3.4 in both: its kernel 1.2, calling it from Python the rest.",
    ),
)
KERNELS: Final = (*_WINDOWS, *_DRAWS, *_SOLVER)
