"""What the kernels of clouds and resampling are to reach, for `bench.goal_tables`; case names."""

from typing import Final

from bench.goals import Goal, is_at_most, peer_takes, takes_at_most

SIZES: Final = (10, 50, 100)
LARGE_SIZES: Final = (500,)
DAQP_DRAWS: Final = "daqp, draws by numpy"
PORTFOLIOS: Final = 4000
LARGE_ASSETS: Final = 4000
LARGE_PORTFOLIOS: Final = 10_000
# The least that prototypes took for a draw, on two noisy cores.
_PROTOTYPE_US: Final = {10: 3.4, 50: 47.0, 100: 220.0, 500: 14_000.0}


def cloud_name(n_assets: int, portfolios: int = PORTFOLIOS) -> str:
    """Name the case of a cloud."""
    return f"cloud of {portfolios} portfolios of {n_assets} assets"


def resample_name(n_assets: int) -> str:
    """Name the case of draws from a posterior."""
    return f"draw and solve from the posterior of {n_assets} assets"


GOALS: Final[tuple[Goal, ...]] = (
    peer_takes(cloud_name(50), 8.0),
    # Shares of the bound's rate: 0.6, 0.8 and 0.9.
    takes_at_most(cloud_name(50), 1.67, "bound"),
    takes_at_most(cloud_name(100), 1.25, "bound"),
    takes_at_most(cloud_name(500), 1.11, "bound"),
    is_at_most(cloud_name(LARGE_ASSETS, LARGE_PORTFOLIOS), 100_000.0, "ns a portfolio"),
    *(peer_takes(resample_name(n), 15.0, DAQP_DRAWS) for n in (*SIZES, *LARGE_SIZES)),
    # NNLS on the draw's root is quicker than what the goal was taken from.
    *(peer_takes(resample_name(n), 15.0) for n in (*SIZES, *LARGE_SIZES)),
    *(is_at_most(resample_name(n), least, "us a draw") for n, least in _PROTOTYPE_US.items()),
)
