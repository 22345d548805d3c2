"""Triangular systems in tiles of 4 rows by 8 or 16 right sides: products first, then the tile.

Products and sums are fused, the tile's own steps are not; both stand in a fixed order, so the bits
are the same on every machine.
"""

from typing import Any

from numba import types

from optimize.lane_code import (
    INDEX,
    LANES,
    ROWS,
    number_at,
    pointers,
    spread,
    store_at,
    sum_products,
    tile,
    vector_at,
)


def _solve_rows(lanes: int) -> Any:
    def solve(
        typingctx: Any, panel: Any, top: Any, bottom: Any, upper: Any, first: Any, n: Any,
        inverse: Any,
    ) -> Any:  # fmt: skip
        """Solve 4 rows of U x = panel in place, U upper triangular, those from top + 4 on solved.

        Row k of ``panel`` are as many right sides as it has lanes, one row behind the other; rows
        from ``bottom`` on are zero. Of row ``top`` of U the element of column j stands in
        upper[first + j]; the next row's n - top - 2 further on, and so forth: rows are packed
        without diagonal. Its inverse is ``inverse``.
        """
        index = types.int64
        signature = types.void(panel, index, index, upper, index, index, inverse)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            right, top, bottom, left, first, n, inverse = pointers(
                context, builder, signature.args, values
            )
            bases = _find_rows(builder, top, first, n)
            sums = _sum_below(builder, left, bases, right, top, bottom, lanes)
            _solve_tile(builder, left, bases, right, top, sums, inverse, lanes)
            return context.get_dummy_value()

        return signature, generate

    return tile(solve)


def _find_rows(builder: Any, top: Any, first: Any, n: Any) -> list[Any]:
    bases = [first]
    for row in range(1, ROWS):
        further = builder.sub(builder.sub(n, top), INDEX(row + 1))
        bases.append(builder.add(bases[-1], further))
    return bases


def _sum_below(
    builder: Any, left: Any, bases: list[Any], right: Any, top: Any, bottom: Any, lanes: int
) -> list[Any]:
    """Sum the products of what is solved, from the last row up: those solved last wait least."""
    last = builder.sub(bottom, INDEX(1))
    sums = sum_products(
        builder, left, [builder.add(base, last) for base in bases], right,
        [builder.mul(last, INDEX(lanes))], INDEX(-lanes),
        builder.sub(bottom, builder.add(top, INDEX(ROWS))), step=-1, lanes=lanes,
    )  # fmt: skip
    return [one for (one,) in sums]


def _solve_tile(
    builder: Any, left: Any, bases: list[Any], right: Any, top: Any, sums: list[Any], inverse: Any,
    lanes: int,
) -> None:  # fmt: skip
    """Take the sums away and solve the tile's own triangle, from its last row up."""
    solved: list[Any] = [None] * ROWS
    for row in reversed(range(ROWS)):
        k = builder.add(top, INDEX(row))
        place = builder.mul(k, INDEX(lanes))
        value = builder.fsub(vector_at(builder, right, place, lanes), sums[row])
        for other in range(row + 1, ROWS):
            j = builder.add(top, INDEX(other))
            u = spread(builder, number_at(builder, left, builder.add(bases[row], j)), lanes)
            value = builder.fsub(value, builder.fmul(u, solved[other]))
        own = spread(builder, number_at(builder, inverse, k), lanes)
        solved[row] = builder.fmul(value, own)
        store_at(builder, solved[row], right, place)


solve_rows, solve_wide_rows = _solve_rows(LANES), _solve_rows(2 * LANES)
