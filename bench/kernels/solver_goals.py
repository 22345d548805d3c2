"""What the solver is to reach, for `bench.goal_tables`; the names of its cases."""

from collections.abc import Mapping
from typing import Final

from bench.goals import Goal, is_at_most, peer_takes
from optimize.job import Objective

SPARSE, DENSE = "sparse", "dense"
COLD, WARM = "cold", "one row later"
SIZES: Final = (10, 50, 100, 500)
GAP_UNITS: Final[Mapping[Objective, str]] = {
    "max_sharpe": "of the ratio",
    "min_variance": "of the volatility",
}
GAP_CASES: Final = tuple(
    (objective, family, capped)
    for objective in GAP_UNITS
    for family in (SPARSE, DENSE)
    for capped in (False, True)
)


def solve_name(n_assets: int, family: str = "", start: str = "", capped: bool = False) -> str:
    """Name a case; without family and start it is that of ``solve``, which checks its inputs."""
    said = ("dense" if family == DENSE else "", "capped" if capped else "", start)
    return ", ".join((f"maximum Sharpe ratio of {n_assets} assets", *(one for one in said if one)))


def gap_name(family: str, capped: bool, objective: Objective = "max_sharpe") -> str:
    """Name the case of what a solver's portfolios miss at most."""
    of = "" if objective == "max_sharpe" else " of minimum variance"
    return f"optimality gap{of} at most, {family}" + (", capped" if capped else "")


GOALS: Final[tuple[Goal, ...]] = (
    peer_takes(solve_name(50), 250.0, "PyPortfolioOpt"),
    *(
        peer_takes(solve_name(n, family, WARM, capped), 5.0, "daqp")
        for n in (10, 50, 100)
        for family in (SPARSE, DENSE)
        for capped in (False, True)
    ),
    *(
        peer_takes(solve_name(500, family, start, capped), 25.0)
        for family in (SPARSE, DENSE)
        for capped in (False, True)
        for start in (COLD, WARM)
    ),
    *(
        is_at_most(gap_name(family, capped, objective), 1e-9, GAP_UNITS[objective], "max")
        for objective, family, capped in GAP_CASES
    ),
)
