"""Reading memory by address in kernels: what an array's index checks would cost on each byte."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _loader(bits: int) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
        return builder.load(pointer, align=1)

    return generate


def _load_uint64(_context: Any, address: Any) -> Any:
    return types.uint64(address), _loader(64)


def _load_int64(_context: Any, address: Any) -> Any:
    return types.int64(address), _loader(64)


def _load_int32(_context: Any, address: Any) -> Any:
    return types.int32(address), _loader(32)


def _load_float64(_context: Any, address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())
        return builder.load(pointer, align=1)

    return types.float64(address), generate


def _load_byte(_context: Any, address: Any) -> Any:
    return types.uint8(address), _loader(8)


def _copy_bytes(_context: Any, target: Any, source: Any, n: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        to, origin = (builder.inttoptr(value, pointer) for value in arguments[:2])
        cgutils.raw_memcpy(builder, to, origin, arguments[2], 1)  # type: ignore[no-untyped-call]

    return types.void(target, source, n), generate


load_uint64 = cast(Callable[[int], np.uint64], intrinsic(_load_uint64))
"""Read eight bytes at an address, the first of which is the lowest."""
load_int64 = cast(Callable[[int], int], intrinsic(_load_int64))
"""Read eight bytes, with a sign."""
load_int32 = cast(Callable[[int], int], intrinsic(_load_int32))
"""Read four bytes, with a sign."""
load_float64 = cast(Callable[[int], float], intrinsic(_load_float64))
"""Read a double."""
load_byte = cast(Callable[[int], int], intrinsic(_load_byte))
"""Read one byte."""
copy_bytes = cast(Callable[[int, int, int], None], intrinsic(_copy_bytes))
"""Copy (to, from, n) bytes from one address to another."""
int64 = cast(Callable[[object], int], np.int64)
"""A signed integer of any: beside an unsigned one the compiler would go over to floats."""
