"""What the solver is to reach, for `bench.goal_tables`; the names of its cases."""

from typing import Final

from bench.goals import Goal, is_at_most, peer_takes

SPARSE, DENSE = "sparse", "dense"
COLD, WARM = "cold", "one row later"
GAP_UNIT: Final = "of the ratio"


def solve_name(n_assets: int, family: str = "", start: str = "", capped: bool = False) -> str:
    """Name a case; without family and start it is that of ``solve``, which checks its inputs."""
    said = ("dense" if family == DENSE else "", "capped" if capped else "", start)
    return ", ".join((f"maximum Sharpe ratio of {n_assets} assets", *(one for one in said if one)))


def gap_name(family: str, capped: bool) -> str:
    """Name the case of what a solver's ratios miss at most."""
    return f"optimality gap at most, {family}" + (", capped" if capped else "")


GOALS: Final[tuple[Goal, ...]] = (
    peer_takes(solve_name(50), 250.0, "PyPortfolioOpt"),
    *(
        peer_takes(solve_name(50, family, WARM, capped), 5.0, "daqp")
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
        is_at_most(gap_name(family, capped), 1e-9, GAP_UNIT, "max")
        for family in (SPARSE, DENSE)
        for capped in (False, True)
    ),
)
