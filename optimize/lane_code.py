"""Vectors of 8 doubles, or of 16 floats, for intrinsics: what tiles and lanes are written in.

LLVM makes of a vector whatever the processor has. Sums of products are fused: a product and a sum
rounded once, exact, so the bits are the same on every machine; numba makes none without fastmath,
which reorders sums. On Intel's processors twice as many come out a cycle as of two operations, on
Zen 4 as many; one without the instruction (before 2013) calls the C library's ``fma`` for each.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

ROWS, LANES = 4, 8
SINGLES = 16  # floats that fill what 8 doubles do
DOUBLE, SINGLE = ir.DoubleType(), ir.FloatType()
INDEX, NUMBER = ir.IntType(64), ir.IntType(32)
WORDS = ir.VectorType(INDEX, LANES)
_SIZES = {DOUBLE: 8, SINGLE: 4, INDEX: 8, NUMBER: 4}  # bytes


def tile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an intrinsic; kernels call it without the first argument."""
    return cast(Callable[..., Any], intrinsic(function))


def pointers(context: Any, builder: Any, types_: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Give the data pointer of each array and each integer as it is."""
    return [
        context.make_array(kind)(context, builder, value).data
        if isinstance(kind, types.Array)
        else value
        for kind, value in zip(types_, values, strict=True)
    ]


def vector_at(
    builder: Any, pointer: Any, offset: Any, lanes: int = LANES, element: Any = DOUBLE
) -> Any:
    """Load 8 doubles, or as many as are asked for of what the pointer points to."""
    kind = ir.VectorType(element, lanes)
    where = builder.bitcast(builder.gep(pointer, [offset]), kind.as_pointer())
    vector = builder.load(where)
    vector.align = _SIZES[element]
    return vector


def store_at(builder: Any, vector: Any, pointer: Any, offset: Any) -> None:
    """Store a vector of any length."""
    where = builder.bitcast(builder.gep(pointer, [offset]), vector.type.as_pointer())
    builder.store(vector, where, align=_SIZES[vector.type.element])


def spread(builder: Any, value: Any, lanes: int = LANES) -> Any:
    """Repeat a number, or a word, in all lanes."""
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(builder.insert_element(nothing, value, INDEX(0)), nothing, first)


def all_words(value: int) -> Any:
    """Give a word of 64 bits in all lanes."""
    return ir.Constant(WORDS, [value] * LANES)


def emit_fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Write a * b + c of three numbers, or of three vectors of them."""
    is_vector = isinstance(a.type, ir.VectorType)
    lanes, element = (f"v{a.type.count}", a.type.element) if is_vector else ("", a.type)
    bits = 8 * _SIZES[element]
    typed, name = ir.FunctionType(a.type, [a.type] * 3), f"llvm.fma.{lanes}f{bits}"
    function = builder.module.globals.get(name) or ir.Function(builder.module, typed, name)
    return builder.call(function, [a, b, c])


def number_at(builder: Any, pointer: Any, offset: Any) -> Any:
    """Load one of what the pointer points to."""
    return builder.load(builder.gep(pointer, [offset]))


def sum_products(
    builder: Any,
    left: Any,
    starts: Sequence[Any],
    right: Any,
    places: Sequence[Any],
    stride: Any,
    count: Any,
    step: Any = 1,
    lanes: int = LANES,
    element: Any = DOUBLE,
) -> list[list[Any]]:
    """Sum left[starts[r] + step j] * right[places[p] + stride j + lane] over j < count.

    Gives the vectors of each r and, in them, of each p. Each has a chain of its own: eight hide
    what a fused product and sum takes, at two a cycle. Both sides are of ``element``.
    """
    step = INDEX(step) if isinstance(step, int) else step
    before = builder.block
    loop, after = (builder.append_basic_block(name) for name in ("products", "summed"))
    kind = ir.VectorType(element, lanes)
    zero = ir.Constant(kind, [0.0] * lanes)
    builder.cbranch(builder.icmp_signed(">", count, INDEX(0)), loop, after)
    builder.position_at_end(loop)
    j, *ats = (builder.phi(INDEX) for _ in range(1 + len(starts) + len(places)))
    left_ats, right_ats = ats[: len(starts)], ats[len(starts) :]
    sums = [builder.phi(kind) for _ in starts for _ in places]
    vectors = [vector_at(builder, right, at, lanes, element) for at in right_ats]
    factors = [spread(builder, number_at(builder, left, at), lanes) for at in left_ats]
    pairs = [(factor, vector) for factor in factors for vector in vectors]
    added = [emit_fused(builder, *pair, one) for pair, one in zip(pairs, sums, strict=True)]
    following = builder.add(j, INDEX(1))
    for phi, first, then in (
        (j, INDEX(0), following),
        *((at, one, builder.add(at, step)) for at, one in zip(left_ats, starts, strict=True)),
        *((at, one, builder.add(at, stride)) for at, one in zip(right_ats, places, strict=True)),
        *((one, zero, more) for one, more in zip(sums, added, strict=True)),
    ):
        phi.add_incoming(first, before)
        phi.add_incoming(then, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    builder.position_at_end(after)
    found = [builder.phi(kind) for _ in sums]
    for phi, more in zip(found, added, strict=True):
        phi.add_incoming(zero, before)
        phi.add_incoming(more, loop)
    return [found[r : r + len(places)] for r in range(0, len(found), len(places))]


def _fused(_: Any, a: Any, b: Any, c: Any) -> Any:
    """Give a * b + c of three numbers."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return emit_fused(builder, *values)

    return types.float64(a, b, c), generate


fused = cast(Callable[[float, float, float], float], intrinsic(_fused))
