"""What the kernels of rolling covariances are to reach, for `bench.goal_tables`."""

from typing import Final

from bench.goals import Goal, peer_takes
from bench.kernels.covariance_names import ADD_EVICT, NUMBAGG, covariance_name

_BESIDE_NUMBAGG: Final = {10: 43.0, 1: 8.0}
_BESIDE_ADD_EVICT: Final = {
    10: {50: 1.1, 100: 1.3, 200: 1.5, 500: 1.9},
    1: {50: 0.6, 100: 0.8, 200: 0.9, 500: 1.0},
}

GOALS: Final[tuple[Goal, ...]] = (
    *(
        peer_takes(covariance_name(n_assets, every), times, NUMBAGG)
        for every, times in _BESIDE_NUMBAGG.items()
        for n_assets in (50, 100)
    ),
    *(
        peer_takes(covariance_name(n_assets, every), times, ADD_EVICT)
        for every, limits in _BESIDE_ADD_EVICT.items()
        for n_assets, times in limits.items()
    ),
)
