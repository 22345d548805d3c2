"""Products of 4 rows by 8 or 16 columns, held in registers: numba cannot be told to, LLVM can.

Element by element they multiply and add in the order of the loop, each product and sum rounded
once: the bits are those of a plain loop of fused operations on every machine.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from optimize.lane_code import (
    DOUBLE,
    INDEX,
    LANES,
    ROWS,
    double_at,
    emit_fused,
    pointers,
    spread,
    store_at,
    sum_products,
    tile,
    vector_at,
)


def _add_quadratic(runs: int) -> Any:
    def add(
        typingctx: Any, rows: Any, at: Any, stride: Any, weights: Any, first: Any, own: Any,
        size: Any, count: Any, totals: Any, place: Any, step: Any,
    ) -> Any:  # fmt: skip
        """Add to totals the sum over 4 rows of w[own + 8 r] * (rows[r]'w from ``first`` on).

        ``rows[r]`` are ``count`` elements from at + r * stride on. Of ``weights`` 8 portfolios
        stand side by side, the next asset's 8 behind: own, first and place are of the first
        portfolio. The next run's stand ``size`` weights and ``step`` totals further on.
        """
        index = types.int64
        signature = types.void(
            rows, index, index, weights, index, index, index, index, totals, index, index
        )

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            left, at, stride, right, first, own, size, count, out, place, step = pointers(
                context, builder, signature.args, values
            )
            starts = [builder.add(at, builder.mul(stride, INDEX(row))) for row in range(ROWS)]
            firsts = [builder.add(first, builder.mul(size, INDEX(run))) for run in range(runs)]
            sums = sum_products(builder, left, starts, right, firsts, INDEX(LANES), count)
            for run in range(runs):
                where = builder.add(place, builder.mul(step, INDEX(run)))
                total = vector_at(builder, out, where)
                for row in range(ROWS):
                    asset = builder.add(own, builder.mul(size, INDEX(run)))
                    weight = vector_at(builder, right, builder.add(asset, INDEX(LANES * row)))
                    total = emit_fused(builder, weight, sums[row][run], total)
                store_at(builder, total, out, where)
            return context.get_dummy_value()

        return signature, generate

    return tile(add)


add_quadratic, add_two_quadratics = _add_quadratic(1), _add_quadratic(2)


@tile
def weigh_rows(
    typingctx: Any, weights: Any, rows: Any, first: Any, stride: Any, count: Any, totals: Any,
    place: Any,
) -> Any:  # fmt: skip
    """Fill 8 totals from ``place`` on with the sum over k < count of weights[k] * rows[k].

    Of row k the 8 elements from first + k * stride on.
    """
    index = types.int64
    signature = types.void(weights, rows, index, index, index, totals, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        left, right, first, stride, count, out, place = pointers(
            context, builder, signature.args, values
        )
        ((total,),) = sum_products(builder, left, [INDEX(0)], right, [first], stride, count)
        store_at(builder, total, out, place)
        return context.get_dummy_value()

    return signature, generate


@tile
def weigh_twice(
    typingctx: Any, weights: Any, rows: Any, first: Any, count: Any, totals: Any, place: Any
) -> Any:
    """Fill 8 totals as `weigh_rows` does, of rows 8 apart, and 8 more 16 places further on.

    Those are of the next ``count`` weights: two sums do not wait for one another.
    """
    index = types.int64
    signature = types.void(weights, rows, index, index, totals, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        left, right, first, count, out, place = pointers(context, builder, signature.args, values)
        starts = [INDEX(0), count]
        sums = sum_products(builder, left, starts, right, [first], INDEX(LANES), count)
        for row, (one,) in enumerate(sums):
            store_at(builder, one, out, builder.add(place, INDEX(2 * LANES * row)))
        return context.get_dummy_value()

    return signature, generate


@tile
def scale_rows(
    typingctx: Any, scale: Any, rows: Any, first: Any, stride: Any, count: Any, out: Any,
    place: Any, step: Any,
) -> Any:  # fmt: skip
    """Copy 8 elements of each of some rows, times a number."""
    index = types.int64
    signature = types.void(types.float64, rows, index, index, index, out, index, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        scale, source, first, stride, count, target, place, step = pointers(
            context, builder, signature.args, values
        )
        scale = spread(builder, scale)
        with cgutils.for_range(builder, count, intp=INDEX) as loop:
            at = builder.add(first, builder.mul(loop.index, stride))
            to = builder.add(place, builder.mul(loop.index, step))
            vector = builder.fmul(vector_at(builder, source, at), scale)
            store_at(builder, vector, target, to)
        return context.get_dummy_value()

    return signature, generate


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
            solved: list[Any] = [None] * ROWS
            for row in reversed(range(ROWS)):
                k = builder.add(top, INDEX(row))
                place = builder.mul(k, INDEX(lanes))
                value = builder.fsub(vector_at(builder, right, place, lanes), sums[row])
                for other in range(row + 1, ROWS):
                    j = builder.add(top, INDEX(other))
                    u = spread(builder, double_at(builder, left, builder.add(bases[row], j)), lanes)
                    value = builder.fsub(value, builder.fmul(u, solved[other]))
                own = spread(builder, double_at(builder, inverse, k), lanes)
                solved[row] = builder.fmul(value, own)
                store_at(builder, solved[row], right, place)
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


solve_rows, solve_wide_rows = _solve_rows(LANES), _solve_rows(2 * LANES)


def _multiply_rows(panels: int) -> Any:
    def multiply(
        typingctx: Any, left: Any, first: Any, right: Any, start: Any, further: Any, count: Any,
        out: Any, place: Any, across: Any, stride: Any,
    ) -> Any:  # fmt: skip
        """Fill 4 rows of 8, ``stride`` apart, with sums over k < count of left[k, r] * right[k].

        Rows of both are 8 apart: of k the 4 elements from first + 8 k on, the 8 from start + 8 k
        on; the next 8 columns' stand ``further`` on. The same sums go to the 8 rows of 4 from
        ``across`` on, the other way round.
        """
        index = types.int64
        signature = types.void(left, index, right, index, index, index, out, index, index, index)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            left, first, right, start, further, count, out, place, across, stride = pointers(
                context, builder, signature.args, values
            )
            starts = [builder.add(first, INDEX(row)) for row in range(ROWS)]
            places = [builder.add(start, builder.mul(further, INDEX(p))) for p in range(panels)]
            sums = sum_products(
                builder, left, starts, right, places, INDEX(LANES), count, step=LANES
            )
            for p in range(panels):
                column = INDEX(LANES * p)
                below = builder.add(across, builder.mul(stride, column))
                tile_ = [sums[row][p] for row in range(ROWS)]
                _store_both_ways(builder, tile_, out, builder.add(place, column), below, stride)
            return context.get_dummy_value()

        return signature, generate

    return tile(multiply)


def _store_both_ways(
    builder: Any, rows: list[Any], out: Any, place: Any, across: Any, stride: Any
) -> None:
    for row, one in enumerate(rows):
        store_at(builder, one, out, builder.add(place, builder.mul(stride, INDEX(row))))
    for lane in range(LANES):
        column = ir.Constant(ir.VectorType(DOUBLE, ROWS), ir.Undefined)
        for row, one in enumerate(rows):
            value = builder.extract_element(one, INDEX(lane))
            column = builder.insert_element(column, value, INDEX(row))
        store_at(builder, column, out, builder.add(across, builder.mul(stride, INDEX(lane))))


multiply_rows, multiply_wide_rows = _multiply_rows(1), _multiply_rows(2)
