"""Elimination in tiles of 4 rows, held in registers: what `optimize.factor` calls.

Row j of a system has column j of the factor from its diagonal on. A tile is what stood there less
the products of the rows above, summed by fused operations in the order of a plain loop, then
divided by its own 4 rows' triangle: the same bits on every machine.
"""

from typing import Any

from llvmlite import ir
from numba import types

from optimize.lane_code import (
    DOUBLE,
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

# Columns of a tile beside those of the diagonal: eight sums at once wait less for one another, at
# 288 rows 300 us instead of 350.
WIDE = 2 * LANES


def _reduced(
    builder: Any, system: Any, stride: Any, top: Any, column: Any, lanes: int
) -> tuple[list[Any], list[Any]]:
    """Give the places of 4 rows and their vectors, less the products of the rows above."""
    starts = [builder.add(top, INDEX(row)) for row in range(ROWS)]
    sums = sum_products(
        builder, system, starts, system, [column], stride, top, step=stride, lanes=lanes
    )
    places = [builder.mul(start, stride) for start in starts]
    vectors = [
        builder.fsub(vector_at(builder, system, builder.add(place, column), lanes), one)
        for place, (one,) in zip(places, sums, strict=True)
    ]
    return places, vectors


@tile
def factor_rows(
    typingctx: Any, system: Any, stride: Any, top: Any, scales: Any, tolerance: Any
) -> Any:
    """Make the first tile of 4 rows, from the diagonal on; return how many pivots are good.

    ``scales`` holds the variances of the 4 and then 1 / pivot's root. A pivot is good above
    ``tolerance`` times its variance; behind the first that is not, all is void.
    """
    index = types.int64
    signature = index(system, index, index, scales, types.float64)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        system, stride, top, scales, tolerance = pointers(context, builder, signature.args, values)
        places, vectors = _reduced(builder, system, stride, top, top, LANES)
        root = builder.module.declare_intrinsic("llvm.sqrt", [DOUBLE])
        good, still = INDEX(0), ir.Constant(ir.IntType(1), 1)
        for row in range(ROWS):
            for above in range(row):
                amount = spread(builder, builder.extract_element(vectors[above], INDEX(row)))
                product = builder.fmul(amount, vectors[above])
                vectors[row] = builder.fsub(vectors[row], product)
            pivot = builder.extract_element(vectors[row], INDEX(row))
            where = builder.gep(scales, [builder.add(top, INDEX(row))])
            least = builder.fmul(tolerance, builder.load(where))
            still = builder.and_(still, builder.fcmp_ordered(">", pivot, least))
            good = builder.add(good, builder.zext(still, INDEX))
            scale = builder.fdiv(DOUBLE(1.0), builder.call(root, [pivot]))
            builder.store(scale, where)
            vectors[row] = builder.fmul(vectors[row], spread(builder, scale))
        for place, vector in zip(places, vectors, strict=True):
            store_at(builder, vector, system, builder.add(place, top))
        return good

    return signature, generate


@tile
def reduce_rows(
    typingctx: Any, system: Any, stride: Any, top: Any, column: Any, scales: Any
) -> Any:
    """Make the tile of 4 rows from ``column`` on, whose tile of the diagonal is made."""
    index = types.int64
    signature = types.void(system, index, index, index, scales)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        system, stride, top, column, scales = pointers(context, builder, signature.args, values)
        places, vectors = _reduced(builder, system, stride, top, column, WIDE)
        for row in range(ROWS):
            at = builder.add(top, INDEX(row))
            for above in range(row):
                amount = number_at(builder, system, builder.add(places[above], at))
                product = builder.fmul(spread(builder, amount, WIDE), vectors[above])
                vectors[row] = builder.fsub(vectors[row], product)
            scale = spread(builder, number_at(builder, scales, at), WIDE)
            vectors[row] = builder.fmul(vectors[row], scale)
        for place, vector in zip(places, vectors, strict=True):
            store_at(builder, vector, system, builder.add(place, column))
        return context.get_dummy_value()

    return signature, generate
