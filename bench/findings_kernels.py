"""Why goals of kernels are missed, for `bench.findings`.

Each a pattern of goals, the reason, and the figures that it names.
"""

from typing import Final

from bench.case_names import FACTOR, WEIGHTS, stage_case
from bench.kernels import tick_names
from bench.kernels.covariance_names import ADD_EVICT, NUMBAGG, covariance_name
from bench.kernels.draw_goals import (
    DAQP_DRAWS,
    LARGE_SIZES,
    SIZES,
    cloud_name,
    resample_name,
)
from bench.reasons import Figure, Take
from stats.compiled import FloatArray

_Said = tuple[str, str, dict[str, Figure]]
_BOTTLENECK: Final = "bottleneck, mean and variance alone"
_WARM_10: Final = "maximum Sharpe ratio of 10 assets*, one row later"


def _drawn(of: Take, n_assets: int) -> FloatArray:
    cloud = cloud_name(n_assets)
    return 100.0 * of(stage_case(cloud, WEIGHTS)) / of(cloud)


_WINDOWS: Final[tuple[_Said, ...]] = (
    (
        f"{tick_names.ROLLING}: bottleneck *",
        "The goal is from a run in which bottleneck took 2.7 times the prototype's 29 ns a tick; "
        "here it takes {theirs}, for two moments by sums that subtract. 2.5x would be {goal}; the "
        "bound, which reads, takes a logarithm and writes, takes {bound}, ours {ours}, for seven "
        "figures instead of four.",
        {
            "theirs": lambda of: of(tick_names.ROLLING, _BOTTLENECK),
            "goal": lambda of: of(tick_names.ROLLING, _BOTTLENECK) / 2.5,
            "bound": lambda of: of(tick_names.ROLLING, "bound"),
            "ours": lambda of: of(tick_names.ROLLING),
        },
    ),
    (
        f"{tick_names.ROLLING}: polars *",
        "polars takes {theirs} ns a tick here, in the prototype's run it took 250; ours takes "
        "{ours}, for seven figures instead of the prototype's four. Without the other three it is "
        "an eighth less, by hand.",
        {
            "theirs": lambda of: of(tick_names.ROLLING, "polars, four moments"),
            "ours": lambda of: of(tick_names.ROLLING),
        },
    ),
    (
        f"{covariance_name(50, 10)}: {NUMBAGG} *",
        "43x would be {goal} us a row. The bound alone, which multiplies each row once and writes "
        "the matrix every ten, takes {bound}.",
        {
            "goal": lambda of: of(covariance_name(50, 10), NUMBAGG) / 43.0,
            "bound": lambda of: of(covariance_name(50, 10), "bound"),
        },
    ),
    (
        f"{covariance_name(100, 10)}: {NUMBAGG} *",
        "Its result is 100 MB. Where the system gives those pages anew in each call, as it does if "
        "left to itself, numbagg took 39x to 44x, at times 130x; here they are there, as ours "
        "are.",
        {},
    ),
    (
        f"covariance of * read every row: {NUMBAGG} *",
        "8x would be {goal_50} us a row of 50 assets: the bound alone, which multiplies and writes "
        "once a row, takes {bound_50}. Of 100 it would be {goal_100}, where the bound takes "
        "{bound_100} and ours {ours_100}; with pages made anew in each call it was 8.3x.",
        {
            "goal_50": lambda of: of(covariance_name(50, 1), NUMBAGG) / 8.0,
            "bound_50": lambda of: of(covariance_name(50, 1), "bound"),
            "goal_100": lambda of: of(covariance_name(100, 1), NUMBAGG) / 8.0,
            "bound_100": lambda of: of(covariance_name(100, 1), "bound"),
            "ours_100": lambda of: of(covariance_name(100, 1)),
        },
    ),
    (
        f"covariance of *read every 10 rows: {ADD_EVICT} *",
        "A read loads and merges two triangles where add_evict loads one, and every ten rows there "
        "are few reads to gain by. The prototype reached 1.5x of 200 and 2.0x of 500 assets; the "
        "bound takes {share} % of our time of 500. Stores past the cache and larger blocks gained "
        "nothing.",
        {
            "share": lambda of: (
                100.0 * of(covariance_name(500, 10), "bound") / of(covariance_name(500, 10))
            ),
        },
    ),
)
_DRAWS: Final[tuple[_Said, ...]] = (
    (
        f"{resample_name(50)}: {DAQP_DRAWS} *",
        "The medians of both sessions meet it; repetitions of daqp differ by a tenth.",
        {},
    ),
    (
        "cloud of * the bound",
        "The bound is one product of weights that are there already. Of ours, drawing them takes "
        "{drawn_50} % at 50 assets and {drawn_100} % at 100; then means, and covariances gathered "
        "anew for each 8 to 128 portfolios, of 8 or fewer held assets for each.",
        {"drawn_50": lambda of: _drawn(of, 50), "drawn_100": lambda of: _drawn(of, 100)},
    ),
    *(
        (
            f"{resample_name(n)}: the best of the peers *",
            "The goal was taken from daqp. NNLS on the draw's triangular root is quicker: it "
            "spares forming the draw's covariance and its factor. Of 50 and 100 assets our own "
            "normals, factor and covariance take most of a draw, of 500 the factor {factor} %.",
            {
                "factor": lambda of: (
                    100.0 * of(stage_case(resample_name(500), FACTOR)) / of(resample_name(500))
                ),
            },
        )
        for n in (*SIZES[1:], *LARGE_SIZES)
    ),
)
_SOLVER: Final[tuple[_Said, ...]] = (
    (
        "maximum Sharpe ratio of 10 assets,*one row later: daqp *",
        "By family and session daqp took {theirs} us: its own update and solve 2.9 by hand, the "
        "rest numpy, which brings the problem to its tolerances and its answer to weights. Ours "
        "took {ours}: its kernel 1.2, calling it from Python the rest.",
        {
            "theirs": lambda of: of(_WARM_10, "daqp"),
            "ours": lambda of: of(_WARM_10),
        },
    ),
)
KERNELS: Final = (*_WINDOWS, *_DRAWS, *_SOLVER)
