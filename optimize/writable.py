"""Read-only arrays under the type of others, so that numba compiles for one type alone."""

from collections.abc import Callable
from typing import Any, cast

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
