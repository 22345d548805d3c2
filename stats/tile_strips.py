"""A strip of a tile, rows of eight doubles, in eight registers: what plain loops cannot ask for.

Numba makes no fused multiply-add of ``a * b + c`` without fastmath, which would also let it
reorder sums. `add_rows` asks for one: it rounds once, exactly, so its bits are the same on every
machine. For a processor without the instruction (before 2013) LLVM calls the C library's ``fma``,
as exact, once a product: the bits are the same, a read takes many times as long. A strip is four
rows of a tile, or all eight where the processor has registers of eight doubles: each entry has a
chain of its own, so no bit depends on it, and 16 rows of 200 columns took 9.0 instead of 13.5 us.
Eight accumulators are as many as hide the latency of two multiply-adds a cycle, and leave room in
the 16 registers of AVX2. Each is code in the kernel that names it: as kernels of their own they
were called, with their eight registers through memory, and took four times as long.

Arrays are C-contiguous float64[:, :]; nothing checks that what is named is in the array. For use
inside kernels only.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic, models, register_model

_DOUBLE, _INT = ir.DoubleType(), ir.IntType(64)
_FEATURES = cast(Any, config).CPU_FEATURES or cast(Any, get_host_cpu_features)()
# Rows of a strip, and doubles of a register: eight of these hold a strip.
STRIP = 8 if "+avx512f" in _FEATURES else 4
_LANES, _PLACES = ir.VectorType(_DOUBLE, STRIP), ir.VectorType(_INT, STRIP)
_SHUFFLE = ir.VectorType(ir.IntType(32), STRIP)
_ACROSS = 8 // STRIP
_REGISTERS = ir.ArrayType(_LANES, 8)
Emit = Callable[[Any, Any, Any, Any], Any]


def _in_kernels(function: Callable[..., tuple[Any, Emit]]) -> Any:
    return intrinsic(function)


class _StripType(types.Type):
    """Numba's type of a strip."""

    def __init__(self) -> None:
        super().__init__(name="tile_strip")


@register_model(_StripType)
class _StripModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _REGISTERS)  # type: ignore[no-untyped-call]


_STRIP_TYPE = _StripType()


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
        """Point to as many entries as a register holds."""
        return self._builder.bitcast(self.at(row, column), _LANES.as_pointer())


def _after(builder: Any, value: Any, steps: int) -> Any:
    return builder.add(value, _INT(steps)) if steps else value


def _split(builder: Any, strip: Any) -> list[Any]:
    return [builder.extract_value(strip, j) for j in range(8)]


def _join(builder: Any, lanes: list[Any]) -> Any:
    strip = ir.Constant(_REGISTERS, ir.Undefined)
    for j, one in enumerate(lanes):
        strip = builder.insert_value(strip, one, j)
    return strip


def _spread(builder: Any, value: Any, vector: Any = _LANES) -> Any:
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, empty, ir.Constant(_SHUFFLE, [0] * STRIP))


def _transpose(builder: Any, rows: list[Any]) -> list[Any]:
    step = 1
    while step < STRIP:
        # Blocks of step x step entries change places across the diagonal of every second pair.
        rows = [
            builder.shuffle_vector(
                rows[j],
                rows[j ^ step],
                ir.Constant(
                    _SHUFFLE,
                    [c if c & step == j & step else STRIP + (c ^ step) for c in range(STRIP)],
                ),
            )
            for j in range(STRIP)
        ]
        step *= 2
    return rows


@_in_kernels
def load_strip(_: Any, triangles: Any, place: Any, t: Any) -> tuple[Any, Emit]:
    """Load triangles[place, t : t + 8 STRIP]."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = _Array(context, builder, signature.args[0], values[0])
        row, t = values[1:]
        places = [array.lanes_at(row, _after(builder, t, STRIP * j)) for j in range(8)]
        return _join(builder, [builder.load(one, align=8) for one in places])

    return _STRIP_TYPE(triangles, types.intp, types.intp), emit


@_in_kernels
def zero_strip(_: Any) -> tuple[Any, Emit]:
    """Give zeros."""

    def emit(_context: Any, _builder: Any, _signature: Any, _values: Any) -> Any:
        return ir.Constant(_REGISTERS, None)

    return _STRIP_TYPE(), emit


@_in_kernels
def store_strip(_: Any, strip: Any, triangles: Any, place: Any, t: Any) -> tuple[Any, Emit]:
    """Store to triangles[place, t : t + 8 STRIP]."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = _Array(context, builder, signature.args[1], values[1])
        for j, lanes in enumerate(_split(builder, values[0])):
            pointer = array.lanes_at(values[2], _after(builder, values[3], STRIP * j))
            builder.store(lanes, pointer, align=8)
        return context.get_dummy_value()

    return types.void(strip, triangles, types.intp, types.intp), emit


@_in_kernels
def add_strips(_: Any, a: Any, b: Any) -> tuple[Any, Emit]:
    """Give a + b."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        pairs = zip(*(_split(builder, value) for value in values), strict=True)
        return _join(builder, [builder.fadd(*pair) for pair in pairs])

    return _STRIP_TYPE(a, b), emit


@_in_kernels
def scale_strip(_: Any, strip: Any, scale: Any) -> tuple[Any, Emit]:
    """Give strip * scale."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        scale = _spread(builder, values[1])
        return _join(builder, [builder.fmul(one, scale) for one in _split(builder, values[0])])

    return _STRIP_TYPE(strip, types.float64), emit


@_in_kernels
def add_rows(
    _: Any, strip: Any, rows: Any, first: Any, stop: Any, i: Any, k: Any
) -> tuple[Any, Emit]:
    """Give strip + y[i : i + STRIP] y[k : k + 8]' of the rows first to stop - 1, in turn."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        strip, rows, first, stop, i, k = values
        array = _Array(context, builder, signature.args[1], rows)
        typed = ir.FunctionType(_LANES, [_LANES] * 3)
        fma = _declare(builder.module, typed, f"llvm.fma.v{STRIP}f64")
        before, sums = builder.block, _split(builder, strip)
        head, body, end = (builder.append_basic_block(f"rows.{x}") for x in ("head", "body", "end"))
        builder.branch(head)
        builder.position_at_end(head)
        row, totals = builder.phi(_INT), [builder.phi(_LANES) for _ in range(8)]
        builder.cbranch(builder.icmp_signed("<", row, stop), body, end)
        builder.position_at_end(body)
        columns = [
            builder.load(array.lanes_at(row, _after(builder, k, c)), align=8)
            for c in range(0, 8, STRIP)
        ]
        grown = []
        for j in range(8):
            y = _spread(builder, builder.load(array.at(row, _after(builder, i, j // _ACROSS))))
            grown.append(builder.call(fma, [y, columns[j % _ACROSS], totals[j]]))
        following = _after(builder, row, 1)
        builder.branch(head)
        for phi, at_first, at_next in zip(
            [row, *totals], [first, *sums], [following, *grown], strict=True
        ):
            phi.add_incoming(at_first, before)
            phi.add_incoming(at_next, body)
        builder.position_at_end(end)
        return _join(builder, totals)

    return _STRIP_TYPE(strip, rows, *[types.intp] * 4), emit


@_in_kernels
def fetch_square(_: Any, matrix: Any, i: Any, k: Any) -> tuple[Any, Emit]:
    """Fetch the cache lines at matrix[i : i + 8, k], soon to be written; they may lie outside."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = _Array(context, builder, signature.args[0], values[0])
        number, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        typed = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        fetch = _declare(builder.module, typed, "llvm.prefetch.p0")
        to_write, to_first_cache, of_data = number(1), number(3), number(1)
        for j in range(8):
            line = builder.bitcast(array.at(_after(builder, values[1], j), values[2]), pointer)
            builder.call(fetch, [line, to_write, to_first_cache, of_data])
        return context.get_dummy_value()

    return types.void(matrix, types.intp, types.intp), emit


def _store(builder: Any, matrix: _Array, row: Any, column: Any, lanes: Any) -> None:
    builder.store(lanes, matrix.lanes_at(row, column), align=8)


def _store_within(builder: Any, matrix: _Array, row: Any, column: Any, lanes: Any) -> None:
    """Store those of a register's entries that lie in a square matrix.

    A mask only where some do not: AMD's processors without AVX-512 take ten cycles or more for one.
    """
    masked = _declare(
        builder.module,
        ir.FunctionType(
            ir.VoidType(),
            [_LANES, _LANES.as_pointer(), ir.IntType(32), ir.VectorType(ir.IntType(1), STRIP)],
        ),
        f"llvm.masked.store.v{STRIP}f64.p0v{STRIP}f64",
    )
    left = builder.sub(matrix.n_rows, column)
    is_whole = builder.icmp_signed("<=", _INT(STRIP), left)
    is_row = builder.icmp_signed("<", row, matrix.n_rows)
    with builder.if_then(is_row), builder.if_else(is_whole) as (whole, part):
        with whole:
            _store(builder, matrix, row, column, lanes)
        with part:
            numbers = ir.Constant(_PLACES, list(range(STRIP)))
            mask = builder.icmp_signed("<", numbers, _spread(builder, left, _PLACES))
            pointer = matrix.lanes_at(row, column)
            builder.call(masked, [lanes, pointer, ir.IntType(32)(8), mask])


def _place(store: Callable[..., None], *, transposed: bool) -> Callable[..., tuple[Any, Emit]]:
    def typed(_: Any, strip: Any, i: Any, k: Any, matrix: Any) -> tuple[Any, Emit]:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            strip, i, k, matrix = values
            array = _Array(context, builder, signature.args[3], matrix)
            for c in range(_ACROSS):
                square = _split(builder, strip)[c::_ACROSS]
                column = _after(builder, k, STRIP * c)
                if transposed:
                    for j, one in enumerate(_transpose(builder, square)):
                        store(builder, array, _after(builder, column, j), i, one)
                else:
                    for j, one in enumerate(square):
                        store(builder, array, _after(builder, i, j), column, one)
            return context.get_dummy_value()

        return types.void(strip, types.intp, types.intp, matrix), emit

    return typed


# (strip, i, k, matrix): store to matrix[i : i + STRIP, k : k + 8], or its transpose to
# matrix[k : k + 8, i : i + STRIP]; with "within" what of it lies in the square matrix.
place_strip = _in_kernels(_place(_store, transposed=False))
place_transposed = _in_kernels(_place(_store, transposed=True))
place_strip_within = _in_kernels(_place(_store_within, transposed=False))
