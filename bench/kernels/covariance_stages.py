"""Parts of a covariance's row, each timed alone: the push, and a read's writing of the matrix.

A read is one pass over the matrix, strip by strip. What it loads and adds cannot be called without
what it writes, but the other way round: of no triangles and no rows.
"""

from typing import Final

from bench.case_names import PUSH, WRITE, stage_case
from bench.contest import Case, Contender, returned
from bench.kernels.covariance_cases import make_rows, push_alone
from bench.kernels.covariance_names import ASSETS, EVERY, covariance_name
from bench.kernels.covariance_peers import kept_matrices
from bench.kernels.stage_cases import part_case
from bench.rows import OURS
from stats.compiled import FloatArray, kernel
from stats.covariance import write_covariance
from stats.grid_window import GridWindow
from stats.row_blocks import MERGER_Y

_WRITES: Final = 128
_WRITTEN_ASSETS: Final = ASSETS[1:]  # those that have goals


@kernel
def repeat_writes(
    writes: int,
    merger: int,
    scale: float,
    triangles: FloatArray,
    vectors: FloatArray,
    covariances: FloatArray,
) -> None:
    """Write matrices of nothing but the row that merges two groups, as a read always has it."""
    parts = 0, 0, 0, 0, 0, -1, merger
    for k in range(writes):
        covariance = covariances[k % len(covariances)]
        write_covariance(triangles, -1, -1, vectors, parts, True, scale, covariance)


def push_stage(n_assets: int, every: int) -> Case:
    """Give the rows of a covariance case pushed and never read."""
    call, rows = push_alone(n_assets)
    alone = Contender(OURS, call, tuple, returned, rows)
    return Case(stage_case(covariance_name(n_assets, every), PUSH), "us a row", (alone,), None)


def write_stage(n_assets: int, every: int) -> Case:
    """Give the writing of the matrices of a covariance case."""
    window = GridWindow(2)
    window.reserve(n_assets)
    _, triangles, vectors, _ = window.arrays
    vectors[MERGER_Y, :n_assets] = make_rows(n_assets)[0]
    merger, matrices = len(vectors) + MERGER_Y, kept_matrices(n_assets)
    return part_case(
        covariance_name(n_assets, every),
        WRITE,
        "us a row",
        repeat_writes,
        (_WRITES, merger, 1e-3, triangles, vectors, matrices),
        _WRITES * every,
    )


def covariance_stages() -> list[Case]:
    """Give all parts; the write of those sizes that have goals, each takes a second."""
    pushes = [push_stage(n, every) for every in EVERY for n in ASSETS]
    return pushes + [write_stage(n, every) for every in EVERY for n in _WRITTEN_ASSETS]
