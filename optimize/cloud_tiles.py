"""Tiles of the cloud: 16 portfolios side by side as floats, and the covariances of what they hold.

Floats come out twice as many an instruction as doubles. Element by element they multiply and add
in the order of the loop, each product and sum rounded once: the same bits on every machine.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from optimize.lane_code import (
    DOUBLE,
    INDEX,
    LANES,
    NUMBER,
    ROWS,
    SINGLE,
    SINGLES,
    WORDS,
    all_words,
    emit_fused,
    number_at,
    pointers,
    spread,
    store_at,
    sum_products,
    tile,
    vector_at,
)


@tile
def pack_two(
    typingctx: Any, values: Any, left: Any, right: Any, count: Any, packed: Any, place: Any,
    totals: Any, at: Any,
) -> Any:  # fmt: skip
    """Lay ``count`` rows of 8 of two panels side by side, as floats, from ``place`` on.

    Fill 32 totals from ``at`` on: of both panels' columns the sums of values[k] * row k, then
    those of the rows. They are of the doubles.
    """
    index = types.int64
    signature = types.void(values, left, right, index, packed, index, totals, index)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, left, right, count, packed, place, totals, at = pointers(
            context, builder, signature.args, arguments
        )
        sums = [_zero(builder) for _ in range(4)]
        with cgutils.for_range(builder, count, intp=INDEX) as loop:
            row = builder.mul(loop.index, INDEX(LANES))
            value = spread(builder, number_at(builder, values, loop.index))
            vectors = [vector_at(builder, panel, row) for panel in (left, right)]
            for vector, weighed, plain in zip(vectors, sums[:2], sums[2:], strict=True):
                builder.store(emit_fused(builder, value, vector, builder.load(weighed)), weighed)
                _add_to(builder, plain, vector)
            where = builder.add(place, builder.mul(loop.index, INDEX(SINGLES)))
            store_at(builder, _join(builder, vectors), packed, where)
        for part, one in enumerate(sums):
            store_at(builder, builder.load(one), totals, builder.add(at, INDEX(LANES * part)))
        return context.get_dummy_value()

    return signature, generate


def _join(builder: Any, vectors: list[Any]) -> Any:
    """Give the 16 floats of two vectors of doubles."""
    floats = [builder.fptrunc(vector, ir.VectorType(SINGLE, LANES)) for vector in vectors]
    places = ir.Constant(ir.VectorType(ir.IntType(32), SINGLES), list(range(SINGLES)))
    return builder.shuffle_vector(*floats, places)


def _add_quadratic(pairs: int) -> Any:
    def add(
        typingctx: Any, rows: Any, at: Any, stride: Any, weights: Any, first: Any, own: Any,
        size: Any, count: Any, totals: Any, place: Any, step: Any,
    ) -> Any:  # fmt: skip
        """Add to totals the sum over 4 rows of w[own + 16 r] * (rows[r]'w from ``first`` on).

        All are floats. ``rows[r]`` are ``count`` elements from at + r * stride on. Of ``weights``
        16 portfolios stand side by side, the next asset's 16 behind: own, first and place are of
        the first portfolio. The next 16 portfolios' stand ``size`` weights and ``step`` totals
        further on.
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
            firsts, owns, totals_at = (
                [builder.add(begin, builder.mul(further, INDEX(pair))) for pair in range(pairs)]
                for begin, further in ((first, size), (own, size), (place, step))
            )
            sums = sum_products(
                builder, left, starts, right, firsts, INDEX(SINGLES), count,
                lanes=SINGLES, element=SINGLE,
            )  # fmt: skip
            for pair, (where, asset) in enumerate(zip(totals_at, owns, strict=True)):
                _weigh_tile(builder, [row[pair] for row in sums], right, asset, out, where)
            return context.get_dummy_value()

        return signature, generate

    return tile(add)


def _weigh_tile(
    builder: Any, sums: list[Any], weights: Any, own: Any, totals: Any, place: Any
) -> None:
    total = vector_at(builder, totals, place, SINGLES, SINGLE)
    for row, one in enumerate(sums):
        at = builder.add(own, INDEX(SINGLES * row))
        weight = vector_at(builder, weights, at, SINGLES, SINGLE)
        total = emit_fused(builder, weight, one, total)
    store_at(builder, total, totals, place)


add_quadratic, add_two_quadratics = _add_quadratic(1), _add_quadratic(2)


def _gather(is_corner: bool) -> Any:
    def gather(
        typingctx: Any, matrix: Any, stride: Any, places: Any, top: Any, left: Any, count: Any,
        rows: Any, at: Any, width: Any,
    ) -> Any:  # fmt: skip
        """Copy matrix[places[top + r], places[left + j]] to floats, for 4 r and j < ``count``.

        ``count`` is a multiple of 4. Row r stands from at + r * width on. Of a corner, where
        rows and columns are the same, only what is below the diagonal, and half of that.
        """
        index = types.int64
        signature = types.void(matrix, index, places, index, index, index, rows, index, index)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            source, stride, places, top, left, count, out, at, width = pointers(
                context, builder, signature.args, values
            )
            owns = [builder.mul(one, stride) for one in _four_places(builder, places, top)]
            starts = [builder.add(at, builder.mul(width, INDEX(row))) for row in range(ROWS)]
            steps = builder.udiv(count, INDEX(ROWS))
            with cgutils.for_range(builder, steps, intp=INDEX) as loop:
                j = builder.mul(loop.index, INDEX(ROWS))
                columns = _four_places(builder, places, builder.add(left, j))
                for row, (own, start) in enumerate(zip(owns, starts, strict=True)):
                    vector = _four_numbers(builder, source, own, columns)
                    if is_corner:
                        vector = builder.fmul(vector, ir.Constant(vector.type, _SHARES[row]))
                    floats = builder.fptrunc(vector, ir.VectorType(SINGLE, ROWS))
                    store_at(builder, floats, out, builder.add(start, j))
            return context.get_dummy_value()

        return signature, generate

    return tile(gather)


_SHARES = [[1.0] * row + [0.5] + [0.0] * (ROWS - 1 - row) for row in range(ROWS)]


def _four_places(builder: Any, places: Any, first: Any) -> list[Any]:
    found = [number_at(builder, places, builder.add(first, INDEX(one))) for one in range(ROWS)]
    return [builder.zext(one, INDEX) for one in found]


def _four_numbers(builder: Any, source: Any, own: Any, columns: list[Any]) -> Any:
    """Load one by one: processors of many years have made a gathering load slower than that."""
    vector = ir.Constant(ir.VectorType(DOUBLE, ROWS), ir.Undefined)
    for place, column in enumerate(columns):
        number = number_at(builder, source, builder.add(own, column))
        vector = builder.insert_element(vector, number, INDEX(place))
    return vector


gather_rows, gather_corner = _gather(False), _gather(True)


@tile
def measure_eight(
    typingctx: Any, mean: Any, covariance: Any, n: Any, assets: Any, held: Any, panel: Any,
    found: Any,
) -> Any:  # fmt: skip
    """Fill 24 of ``found`` with mean'w, half of w'Sigma w, and the sum of w, of 8 portfolios.

    Each holds assets of its own: of asset i the 8 portfolios' numbers and weights stand from 8 i
    on. Of doubles, products and sums rounded each by itself.
    """
    index = types.int64
    signature = types.void(mean, covariance, index, assets, index, panel, found)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        mean, covariance, n, assets, held, panel, out = pointers(
            context, builder, signature.args, values
        )
        expected, half, total, below = (_zero(builder) for _ in range(4))
        half_of = ir.Constant(ir.VectorType(DOUBLE, LANES), [0.5] * LANES)
        with cgutils.for_range(builder, held, intp=INDEX) as loop:
            own, weight = _own_at(builder, assets, panel, loop.index)
            row = builder.mul(own, spread(builder, n))
            builder.store(ir.Constant(ir.VectorType(DOUBLE, LANES), [0.0] * LANES), below)
            with cgutils.for_range(builder, loop.index, intp=INDEX) as inner:
                other, share = _own_at(builder, assets, panel, inner.index)
                one = _gather_eight(builder, covariance, builder.add(row, other))
                _add_to(builder, below, builder.fmul(one, share))
            own_variance = _gather_eight(builder, covariance, builder.add(row, own))
            diagonal = builder.fmul(builder.fmul(half_of, own_variance), weight)
            _add_to(
                builder, half, builder.fmul(weight, builder.fadd(builder.load(below), diagonal))
            )
            _add_to(builder, expected, builder.fmul(_gather_eight(builder, mean, own), weight))
            _add_to(builder, total, weight)
        for part, one in enumerate((expected, half, total)):
            store_at(builder, builder.load(one), out, INDEX(LANES * part))
        return context.get_dummy_value()

    return signature, generate


def _zero(builder: Any) -> Any:
    """Make a place for 8 doubles, 0 at first."""
    kind = ir.VectorType(DOUBLE, LANES)
    with builder.goto_entry_block():  # made once, however often the kernel comes here
        place = builder.alloca(kind)
    builder.store(ir.Constant(kind, [0.0] * LANES), place)
    return place


def _add_to(builder: Any, place: Any, vector: Any) -> None:
    builder.store(builder.fadd(builder.load(place), vector), place)


def _own_at(builder: Any, assets: Any, panel: Any, i: Any) -> tuple[Any, Any]:
    """Give 8 portfolios' i-th assets, as words, and their weights."""
    at = builder.mul(i, INDEX(LANES))
    own = vector_at(builder, assets, at, element=NUMBER)
    return builder.zext(own, WORDS), vector_at(builder, panel, at)


def _gather_eight(builder: Any, source: Any, offsets: Any) -> Any:
    """Load 8 doubles; LLVM does it one by one where the processor's own way is slow."""
    kind, pointers_ = ir.VectorType(DOUBLE, LANES), ir.VectorType(DOUBLE.as_pointer(), LANES)
    every = ir.VectorType(ir.IntType(1), LANES)
    typed = ir.FunctionType(kind, [pointers_, ir.IntType(32), every, kind])
    name = f"llvm.masked.gather.v{LANES}f64.v{LANES}p0"
    function = builder.module.globals.get(name) or ir.Function(builder.module, typed, name)
    start = spread(builder, builder.ptrtoint(source, INDEX))
    addresses = builder.add(start, builder.mul(offsets, all_words(8)))
    where = builder.inttoptr(addresses, pointers_)
    taken, nothing = ir.Constant(every, [1] * LANES), ir.Constant(kind, ir.Undefined)
    return builder.call(function, [where, ir.Constant(ir.IntType(32), 8), taken, nothing])
