"""Products of 4 rows by 8 columns, held in registers: numba cannot be told to, LLVM can.

Element by element they multiply and add in the order of the loop, without fused operations: the
bits are those of a plain loop on every machine, and on Zen 4 as many come out a cycle as of fused
ones. At 256 columns 23 multiply-adds a ns, numpy's dgemm makes 22 to 25.
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
    pointers,
    spread,
    store_at,
    sum_products,
    tile,
    vector_at,
)


@tile
def add_quadratic(
    typingctx: Any, rows: Any, at: Any, stride: Any, weights: Any, first: Any, own: Any,
    count: Any, totals: Any, place: Any,
) -> Any:  # fmt: skip
    """Add to totals the sum over 4 rows of w[own + 8 r] * (rows[r]'w from ``first`` on).

    ``rows[r]`` are ``count`` elements from at + r * stride on. Of ``weights`` 8 portfolios stand
    side by side, the next asset's 8 behind: own, first and place are of the first portfolio.
    """
    index = types.int64
    signature = types.void(rows, index, index, weights, index, index, index, totals, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        left, at, step, right, first, own, count, out, place = pointers(
            context, builder, signature.args, values
        )
        starts = [builder.add(at, builder.mul(step, INDEX(row))) for row in range(ROWS)]
        sums = sum_products(builder, left, starts, right, first, INDEX(LANES), count)
        total = vector_at(builder, out, place)
        for row, one in enumerate(sums):
            weight = vector_at(builder, right, builder.add(own, INDEX(LANES * row)))
            total = builder.fadd(total, builder.fmul(weight, one))
        store_at(builder, total, out, place)
        return context.get_dummy_value()

    return signature, generate


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
        (total,) = sum_products(builder, left, [INDEX(0)], right, first, stride, count)
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
        sums = sum_products(builder, left, starts, right, first, INDEX(LANES), count)
        for row, one in enumerate(sums):
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


@tile
def solve_rows(
    typingctx: Any, panel: Any, top: Any, bottom: Any, upper: Any, first: Any, n: Any, inverse: Any
) -> Any:
    """Solve 4 rows of U x = panel in place, U upper triangular, those from top + 4 on solved.

    Row k of ``panel`` are 8 right sides from 8 k on; rows from ``bottom`` on are zero. Of row
    ``top`` of U the element of column j stands in upper[first + j]; the next row's n - top - 2
    further on, and so forth: rows are packed without diagonal. Its inverse is ``inverse``.
    """
    index = types.int64
    signature = types.void(panel, index, index, upper, index, index, inverse)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        right, top, bottom, left, first, n, inverse = pointers(
            context, builder, signature.args, values
        )
        begin, bases = builder.add(top, INDEX(ROWS)), [first]
        for row in range(1, ROWS):
            further = builder.sub(builder.sub(n, top), INDEX(row + 1))
            bases.append(builder.add(bases[-1], further))
        # From the last row up: those solved last are wanted last.
        last = builder.sub(bottom, INDEX(1))
        sums = sum_products(
            builder, left, [builder.add(base, last) for base in bases],
            right, builder.mul(last, INDEX(LANES)), INDEX(-LANES), builder.sub(bottom, begin),
            step=-1,
        )  # fmt: skip
        solved: list[Any] = [None] * ROWS
        for row in reversed(range(ROWS)):
            k = builder.add(top, INDEX(row))
            place = builder.mul(k, INDEX(LANES))
            value = builder.fsub(vector_at(builder, right, place), sums[row])
            for other in range(row + 1, ROWS):
                j = builder.add(top, INDEX(other))
                u = spread(builder, double_at(builder, left, builder.add(bases[row], j)))
                value = builder.fsub(value, builder.fmul(u, solved[other]))
            solved[row] = builder.fmul(value, spread(builder, double_at(builder, inverse, k)))
            store_at(builder, solved[row], right, place)
        return context.get_dummy_value()

    return signature, generate


@tile
def multiply_rows(
    typingctx: Any, left: Any, first: Any, right: Any, start: Any, count: Any, out: Any,
    place: Any, across: Any, stride: Any,
) -> Any:  # fmt: skip
    """Fill 4 rows of 8, ``stride`` apart, with sums over k < count of left[k, r] * right[k].

    Rows of both are 8 apart: of k the 4 elements from first + 8 k on, the 8 from start + 8 k on.
    The same sums go to the 8 rows of 4 from ``across`` on, the other way round.
    """
    index = types.int64
    signature = types.void(left, index, right, index, index, out, index, index, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        left, first, right, start, count, out, place, across, stride = pointers(
            context, builder, signature.args, values
        )
        starts = [builder.add(first, INDEX(row)) for row in range(ROWS)]
        sums = sum_products(builder, left, starts, right, start, INDEX(LANES), count, step=LANES)
        for row, one in enumerate(sums):
            at = builder.add(place, builder.mul(stride, INDEX(row)))
            store_at(builder, one, out, at)
        for lane in range(LANES):
            column = ir.Constant(ir.VectorType(DOUBLE, ROWS), ir.Undefined)
            for row, one in enumerate(sums):
                value = builder.extract_element(one, INDEX(lane))
                column = builder.insert_element(column, value, INDEX(row))
            at = builder.add(across, builder.mul(stride, INDEX(lane)))
            store_at(builder, column, out, at)
        return context.get_dummy_value()

    return signature, generate
