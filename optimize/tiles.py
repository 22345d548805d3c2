"""Products of 4 rows by 8 columns, held in registers: numba cannot be told to, LLVM can.

Each is a loop of its own in LLVM's terms, over vectors of 8 doubles that LLVM makes of whatever
the processor has. Element by element it multiplies and adds in the order of the loop, without
fused operations: the bits are those of a plain loop on every machine.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

ROWS, LANES = 4, 8
_DOUBLE, _INDEX = ir.DoubleType(), ir.IntType(64)
_VECTOR = ir.VectorType(_DOUBLE, LANES)


def _tile(function: Callable[..., Any]) -> Callable[..., None]:
    """Make an intrinsic; kernels call it without the first argument."""
    return cast(Callable[..., None], intrinsic(function))


def _pointers(
    context: Any, builder: Any, types_: Sequence[Any], values: Sequence[Any]
) -> list[Any]:
    """Give the data pointer of each array and each integer as it is."""
    return [
        context.make_array(kind)(context, builder, value).data
        if isinstance(kind, types.Array)
        else value
        for kind, value in zip(types_, values, strict=True)
    ]


def _vector_at(builder: Any, pointer: Any, offset: Any) -> Any:
    where = builder.bitcast(builder.gep(pointer, [offset]), _VECTOR.as_pointer())
    vector = builder.load(where)
    vector.align = 8
    return vector


def _store_at(builder: Any, vector: Any, pointer: Any, offset: Any) -> None:
    where = builder.bitcast(builder.gep(pointer, [offset]), vector.type.as_pointer())
    builder.store(vector, where, align=8)


def _spread(builder: Any, value: Any) -> Any:
    """Repeat a double in all lanes."""
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, _INDEX(0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), lanes)


def _double_at(builder: Any, pointer: Any, offset: Any) -> Any:
    return builder.load(builder.gep(pointer, [offset]))


def _sum_products(
    builder: Any,
    left: Any,
    starts: Sequence[Any],
    right: Any,
    start: Any,
    stride: Any,
    count: Any,
    step: Any = 1,
) -> list[Any]:
    """Sum left[starts[r] + step j] * right[start + stride j + lane] over j < count, for each r."""
    step = _INDEX(step) if isinstance(step, int) else step
    before = builder.block
    loop, after = (builder.append_basic_block(name) for name in ("products", "summed"))
    zero = ir.Constant(_VECTOR, [0.0] * LANES)
    builder.cbranch(builder.icmp_signed(">", count, _INDEX(0)), loop, after)
    builder.position_at_end(loop)
    j, place, *ats = (builder.phi(_INDEX) for _ in range(2 + len(starts)))
    sums = [builder.phi(_VECTOR) for _ in starts]
    vector = _vector_at(builder, right, place)
    added = [
        builder.fadd(one, builder.fmul(_spread(builder, _double_at(builder, left, at)), vector))
        for one, at in zip(sums, ats, strict=True)
    ]
    following = builder.add(j, _INDEX(1))
    for phi, first, then in (
        (j, _INDEX(0), following),
        (place, start, builder.add(place, stride)),
        *((at, one, builder.add(at, step)) for at, one in zip(ats, starts, strict=True)),
        *((one, zero, more) for one, more in zip(sums, added, strict=True)),
    ):
        phi.add_incoming(first, before)
        phi.add_incoming(then, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    builder.position_at_end(after)
    found = [builder.phi(_VECTOR) for _ in starts]
    for phi, more in zip(found, added, strict=True):
        phi.add_incoming(zero, before)
        phi.add_incoming(more, loop)
    return found


@_tile
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
        left, at, step, right, first, own, count, out, place = _pointers(
            context, builder, signature.args, values
        )
        starts = [builder.add(at, builder.mul(step, _INDEX(row))) for row in range(ROWS)]
        sums = _sum_products(builder, left, starts, right, first, _INDEX(LANES), count)
        total = _vector_at(builder, out, place)
        for row, one in enumerate(sums):
            weight = _vector_at(builder, right, builder.add(own, _INDEX(LANES * row)))
            total = builder.fadd(total, builder.fmul(weight, one))
        _store_at(builder, total, out, place)
        return context.get_dummy_value()

    return signature, generate


@_tile
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
        left, right, first, stride, count, out, place = _pointers(
            context, builder, signature.args, values
        )
        (total,) = _sum_products(builder, left, [_INDEX(0)], right, first, stride, count)
        _store_at(builder, total, out, place)
        return context.get_dummy_value()

    return signature, generate


@_tile
def weigh_twice(
    typingctx: Any, weights: Any, rows: Any, first: Any, count: Any, totals: Any, place: Any
) -> Any:
    """Fill 8 totals as `weigh_rows` does, of rows 8 apart, and 8 more 16 places further on.

    Those are of the next ``count`` weights: two sums do not wait for one another.
    """
    index = types.int64
    signature = types.void(weights, rows, index, index, totals, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        left, right, first, count, out, place = _pointers(context, builder, signature.args, values)
        starts = [_INDEX(0), count]
        sums = _sum_products(builder, left, starts, right, first, _INDEX(LANES), count)
        for row, one in enumerate(sums):
            _store_at(builder, one, out, builder.add(place, _INDEX(2 * LANES * row)))
        return context.get_dummy_value()

    return signature, generate


@_tile
def scale_rows(
    typingctx: Any, scale: Any, rows: Any, first: Any, stride: Any, count: Any, out: Any,
    place: Any, step: Any,
) -> Any:  # fmt: skip
    """Copy 8 elements of each of some rows, times a number."""
    index = types.int64
    signature = types.void(types.float64, rows, index, index, index, out, index, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        scale, source, first, stride, count, target, place, step = _pointers(
            context, builder, signature.args, values
        )
        scale = _spread(builder, scale)
        with cgutils.for_range(builder, count, intp=_INDEX) as loop:
            at = builder.add(first, builder.mul(loop.index, stride))
            to = builder.add(place, builder.mul(loop.index, step))
            vector = builder.fmul(_vector_at(builder, source, at), scale)
            _store_at(builder, vector, target, to)
        return context.get_dummy_value()

    return signature, generate


@_tile
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
        right, top, bottom, left, first, n, inverse = _pointers(
            context, builder, signature.args, values
        )
        begin, bases = builder.add(top, _INDEX(ROWS)), [first]
        for row in range(1, ROWS):
            further = builder.sub(builder.sub(n, top), _INDEX(row + 1))
            bases.append(builder.add(bases[-1], further))
        # From the last row up: those solved last are wanted last.
        last = builder.sub(bottom, _INDEX(1))
        sums = _sum_products(
            builder, left, [builder.add(base, last) for base in bases],
            right, builder.mul(last, _INDEX(LANES)), _INDEX(-LANES), builder.sub(bottom, begin),
            step=-1,
        )  # fmt: skip
        solved: list[Any] = [None] * ROWS
        for row in reversed(range(ROWS)):
            k = builder.add(top, _INDEX(row))
            place = builder.mul(k, _INDEX(LANES))
            value = builder.fsub(_vector_at(builder, right, place), sums[row])
            for other in range(row + 1, ROWS):
                j = builder.add(top, _INDEX(other))
                u = _spread(builder, _double_at(builder, left, builder.add(bases[row], j)))
                value = builder.fsub(value, builder.fmul(u, solved[other]))
            solved[row] = builder.fmul(value, _spread(builder, _double_at(builder, inverse, k)))
            _store_at(builder, solved[row], right, place)
        return context.get_dummy_value()

    return signature, generate


@_tile
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
        left, first, right, start, count, out, place, across, stride = _pointers(
            context, builder, signature.args, values
        )
        starts = [builder.add(first, _INDEX(row)) for row in range(ROWS)]
        sums = _sum_products(builder, left, starts, right, start, _INDEX(LANES), count, step=LANES)
        for row, one in enumerate(sums):
            at = builder.add(place, builder.mul(stride, _INDEX(row)))
            _store_at(builder, one, out, at)
        for lane in range(LANES):
            column = ir.Constant(ir.VectorType(_DOUBLE, ROWS), ir.Undefined)
            for row, one in enumerate(sums):
                value = builder.extract_element(one, _INDEX(lane))
                column = builder.insert_element(column, value, _INDEX(row))
            at = builder.add(across, builder.mul(stride, _INDEX(lane)))
            _store_at(builder, column, out, at)
        return context.get_dummy_value()

    return signature, generate


@_tile
def subtract_rows(typingctx: Any, system: Any, stride: Any, top: Any, column: Any) -> Any:
    """Take from 4 rows of 8 the sum over j < top of system[j, top + r] * system[j].

    Row ``top`` and the 3 behind it, from ``column`` on; rows are ``stride`` apart.
    """
    index = types.int64
    signature = types.void(system, index, index, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        system, stride, top, column = _pointers(context, builder, signature.args, values)
        starts = [builder.add(top, _INDEX(row)) for row in range(ROWS)]
        sums = _sum_products(builder, system, starts, system, column, stride, top, step=stride)
        for row, one in enumerate(sums):
            at = builder.add(builder.mul(starts[row], stride), column)
            _store_at(builder, builder.fsub(_vector_at(builder, system, at), one), system, at)
        return context.get_dummy_value()

    return signature, generate
