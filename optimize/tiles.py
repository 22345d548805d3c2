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
    pointers,
    spread,
    store_at,
    sum_products,
    tile,
    vector_at,
)


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
