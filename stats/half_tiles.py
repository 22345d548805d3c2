"""Half a tile, four rows of eight doubles, in registers: what plain loops cannot ask Numba for.

Numba makes no fused multiply-add of ``a * b + c`` without fastmath, which would also let it
reorder sums. `add_rows` asks for one: it rounds once, exactly, so its bits are the same on every
machine. For a processor without the instruction (before 2013) LLVM calls the C library's ``fma``,
as exact, once a product: the bits are the same, a read takes many times as long. Four lanes, also
where a processor has eight: the bits do not depend on it, and on Zen 4 both do eight
multiply-adds a cycle. Eight
accumulators are as many as hide the latency of two multiply-adds a cycle, and leave room in the
16 registers of AVX2. Each is code in the kernel that names it: as kernels of their own they were
called, with their eight registers through memory, and took four times as long.

Arrays are C-contiguous float64[:, :]; nothing checks that what is named is in the array. For use
inside kernels only.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

_DOUBLE, _INT = ir.DoubleType(), ir.IntType(64)
_LANES, _PLACES = ir.VectorType(_DOUBLE, 4), ir.VectorType(_INT, 4)
_SHUFFLE = ir.VectorType(ir.IntType(32), 4)
_HALF = ir.ArrayType(_LANES, 8)
Emit = Callable[[Any, Any, Any, Any], Any]


def _in_kernels(function: Callable[..., tuple[Any, Emit]]) -> Any:
    return intrinsic(function)


class Half(types.Type):
    """Numba's type of half a tile."""

    def __init__(self) -> None:
        super().__init__(name="half_tile")


@register_model(Half)
class _HalfModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _HALF)  # type: ignore[no-untyped-call]


_HALF_TYPE = Half()


def _declare(module: Any, function_type: Any, name: str) -> Any:
    return cast(Any, cgutils).get_or_insert_function(module, function_type, name)


class _Array:
    """Where the entries of an array argument are."""

    def __init__(self, context: Any, builder: Any, array_type: Any, value: Any) -> None:
        array = context.make_array(array_type)(context, builder, value)
        self._builder, self._data = builder, array.data
        self.n_rows, self._n_columns = (
            builder.extract_value(array.shape, axis) for axis in range(2)
        )

    def at(self, row: Any, column: Any) -> Any:
        """Point to an entry."""
        place = self._builder.add(self._builder.mul(row, self._n_columns), column)
        return self._builder.gep(self._data, [place])

    def lanes_at(self, row: Any, column: Any) -> Any:
        """Point to an entry and three more."""
        return self._builder.bitcast(self.at(row, column), _LANES.as_pointer())


def _after(builder: Any, value: Any, steps: int) -> Any:
    return builder.add(value, _INT(steps)) if steps else value


def _split(builder: Any, half: Any) -> list[Any]:
    return [builder.extract_value(half, j) for j in range(8)]


def _join(builder: Any, lanes: list[Any]) -> Any:
    half = ir.Constant(_HALF, ir.Undefined)
    for j, one in enumerate(lanes):
        half = builder.insert_value(half, one, j)
    return half


def _spread(builder: Any, value: Any, vector: Any = _LANES) -> Any:
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, empty, ir.Constant(_SHUFFLE, [0] * 4))


def _transpose(builder: Any, rows: list[Any]) -> list[Any]:
    def shuffle(one: Any, other: Any, places: list[int]) -> Any:
        return builder.shuffle_vector(one, other, ir.Constant(_SHUFFLE, places))

    a, b, c, d = rows
    low_ab, low_cd = (shuffle(*pair, [0, 4, 2, 6]) for pair in ((a, b), (c, d)))
    high_ab, high_cd = (shuffle(*pair, [1, 5, 3, 7]) for pair in ((a, b), (c, d)))
    halves = ((low_ab, low_cd), (high_ab, high_cd))
    return [shuffle(*pair, places) for places in ([0, 1, 4, 5], [2, 3, 6, 7]) for pair in halves]


@_in_kernels
def load_half(_: Any, triangles: Any, place: Any, t: Any) -> tuple[Any, Emit]:
    """Load triangles[place, t : t + 32]."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = _Array(context, builder, signature.args[0], values[0])
        places = [array.lanes_at(values[1], _after(builder, values[2], 4 * j)) for j in range(8)]
        return _join(builder, [builder.load(one, align=8) for one in places])

    return _HALF_TYPE(triangles, types.intp, types.intp), emit


@_in_kernels
def zero_half(_: Any) -> tuple[Any, Emit]:
    """Give zeros."""

    def emit(_context: Any, _builder: Any, _signature: Any, _values: Any) -> Any:
        return ir.Constant(_HALF, None)

    return _HALF_TYPE(), emit


@_in_kernels
def store_half(_: Any, half: Any, triangles: Any, place: Any, t: Any) -> tuple[Any, Emit]:
    """Store to triangles[place, t : t + 32]."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = _Array(context, builder, signature.args[1], values[1])
        for j, lanes in enumerate(_split(builder, values[0])):
            pointer = array.lanes_at(values[2], _after(builder, values[3], 4 * j))
            builder.store(lanes, pointer, align=8)
        return context.get_dummy_value()

    return types.void(half, triangles, types.intp, types.intp), emit


@_in_kernels
def add_halves(_: Any, a: Any, b: Any) -> tuple[Any, Emit]:
    """Give a + b."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        pairs = zip(*(_split(builder, value) for value in values), strict=True)
        return _join(builder, [builder.fadd(*pair) for pair in pairs])

    return _HALF_TYPE(a, b), emit


@_in_kernels
def scale_half(_: Any, half: Any, scale: Any) -> tuple[Any, Emit]:
    """Give half * scale."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        scale = _spread(builder, values[1])
        return _join(builder, [builder.fmul(one, scale) for one in _split(builder, values[0])])

    return _HALF_TYPE(half, types.float64), emit


@_in_kernels
def add_rows(
    _: Any, half: Any, rows: Any, first: Any, stop: Any, i: Any, k: Any
) -> tuple[Any, Emit]:
    """Give half + y[i : i + 4] y[k : k + 8]' of each of the rows first to stop - 1, in turn."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        half, rows, first, stop, i, k = values
        array = _Array(context, builder, signature.args[1], rows)
        fma = _declare(builder.module, ir.FunctionType(_LANES, [_LANES] * 3), "llvm.fma.v4f64")
        before, sums = builder.block, _split(builder, half)
        head, body, end = (builder.append_basic_block(f"rows.{x}") for x in ("head", "body", "end"))
        builder.branch(head)
        builder.position_at_end(head)
        row, totals = builder.phi(_INT), [builder.phi(_LANES) for _ in range(8)]
        builder.cbranch(builder.icmp_signed("<", row, stop), body, end)
        builder.position_at_end(body)
        columns = [
            builder.load(array.lanes_at(row, _after(builder, k, c)), align=8) for c in (0, 4)
        ]
        grown = []
        for j in range(8):
            y = _spread(builder, builder.load(array.at(row, _after(builder, i, j // 2))))
            grown.append(builder.call(fma, [y, columns[j % 2], totals[j]]))
        following = _after(builder, row, 1)
        builder.branch(head)
        for phi, at_first, at_next in zip(
            [row, *totals], [first, *sums], [following, *grown], strict=True
        ):
            phi.add_incoming(at_first, before)
            phi.add_incoming(at_next, body)
        builder.position_at_end(end)
        return _join(builder, totals)

    return _HALF_TYPE(half, rows, *[types.intp] * 4), emit


def _store_within(builder: Any, matrix: _Array, row: Any, column: Any, lanes: Any) -> None:
    """Store those of four entries that lie in a square matrix."""
    masked = _declare(
        builder.module,
        ir.FunctionType(
            ir.VoidType(),
            [_LANES, _LANES.as_pointer(), ir.IntType(32), ir.VectorType(ir.IntType(1), 4)],
        ),
        "llvm.masked.store.v4f64.p0v4f64",
    )
    left = builder.sub(matrix.n_rows, column)
    left = builder.select(builder.icmp_signed("<", row, matrix.n_rows), left, _INT(0))
    numbers = ir.Constant(_PLACES, [0, 1, 2, 3])
    mask = builder.icmp_signed("<", numbers, _spread(builder, left, _PLACES))
    builder.call(masked, [lanes, matrix.lanes_at(row, column), ir.IntType(32)(8), mask])


def _store(builder: Any, matrix: _Array, row: Any, column: Any, lanes: Any) -> None:
    builder.store(lanes, matrix.lanes_at(row, column), align=8)


def _place(store: Callable[..., None], *, transposed: bool) -> Callable[..., tuple[Any, Emit]]:
    def typed(_: Any, half: Any, i: Any, k: Any, matrix: Any) -> tuple[Any, Emit]:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            half, i, k, matrix = values
            array = _Array(context, builder, signature.args[3], matrix)
            lanes = _split(builder, half)
            for c in range(2):
                four = lanes[c::2]
                if transposed:
                    for j, one in enumerate(_transpose(builder, four)):
                        store(builder, array, _after(builder, k, 4 * c + j), i, one)
                else:
                    for j, one in enumerate(four):
                        store(builder, array, _after(builder, i, j), _after(builder, k, 4 * c), one)
            return context.get_dummy_value()

        return types.void(half, types.intp, types.intp, matrix), emit

    return typed


# (half, i, k, matrix): store to matrix[i : i + 4, k : k + 8], or its transpose to matrix[k : k + 8,
# i : i + 4]; with "within" what of it lies in the square matrix.
place_half = _in_kernels(_place(_store, transposed=False))
place_transposed = _in_kernels(_place(_store, transposed=True))
place_half_within = _in_kernels(_place(_store_within, transposed=False))
place_transposed_within = _in_kernels(_place(_store_within, transposed=True))
