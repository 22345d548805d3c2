"""Read-only arrays and constants under the type of others: numba compiles for each type apart."""

from collections.abc import Callable
from typing import Any, cast

from numba import types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic

from stats.compiled import FloatArray


def _as_writable(_: Any, array: Any) -> Any:
    """Give an array the type of one that can be written to; nothing may write to it."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        borrow = cast(Callable[..., Any], impl_ret_borrowed)
        return borrow(context, builder, signature.return_type, values[0])

    return array.copy(readonly=False)(array), generate


as_writable = cast(Callable[[FloatArray], FloatArray], intrinsic(_as_writable))


def _as_variable(_: Any, constant: Any) -> Any:
    """Give a constant the type of a variable: a call with it is compiled as any other."""
    widen: Callable[[Any], Any] = types.unliteral
    kind = widen(constant)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.cast(builder, values[0], constant, signature.return_type)

    return kind(constant), generate


as_variable = cast(Callable[[Any], Any], intrinsic(_as_variable))
