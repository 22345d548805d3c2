"""Logarithms, exponentials and normal quantiles, eight at once, from random words of 64 bits.

Written for vectors as they are: of a plain loop LLVM makes four at once on Intel's processors,
though they have registers for eight, and a normal took 2.2 instead of 1.3 ns. All is + - *, fused
where polynomials are summed: the same bits on every machine.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types

from optimize.lane_code import (
    DOUBLE,
    INDEX,
    LANES,
    WORDS,
    all_words,
    emit_fused,
    pointers,
    store_at,
    tile,
    vector_at,
)

_NUMBERS = ir.VectorType(DOUBLE, LANES)
_LN2 = 0.6931471805599453
_ROOT_HALF = 0x3FE6A09E667F3BCD  # bits of sqrt(1/2)

# Of log(1 + r) = r P(r) for 1 + r from sqrt(1/2) to sqrt(2), from the first coefficient on: minimax
# by Remez exchange in 40 digits, within 1.0e-10 and 2.6e-8 of P.
LOGARITHM = (
    1.0000000000349207, -0.500000003305451, 0.33333331514998166, -0.24999933480137534,
    0.20000113354286828, -0.16670479028632137, 0.14285503943655314, -0.12410588928030541,
    0.1102114327953715, -0.10881181192893184, 0.10733909352345775, -0.059850519369869785,
)  # fmt: skip
SHORT_LOGARITHM = (
    0.9999999741895957, -0.49999987964106496, 0.33334185625851476, -0.2500207407517421,
    0.19956833559877307, -0.16562392951682453, 0.14952266462535302, -0.1436684381117519,
    0.0872235708515932,
)  # fmt: skip
# Of Q(L), the normal quantile over x = 2 u - 1 by L = -log(1 - x^2) from 0 to 8, made likewise:
# within 2.3e-10 of itself. (Giles, GPU Computing Gems, 2011, chapter 10, has erf^-1 in this form.)
CENTRAL = (
    1.2533141370295038, 0.3281168934024828, 0.01633301782135664, -0.0033013799300728457,
    -0.00018323633798272856, 6.883143535101096e-05, 3.119352443677762e-07, 7.335986221556649e-08,
    -6.694138429547773e-07, 2.070969517474092e-07, -3.2101900739708645e-08, 3.016187034519012e-09,
    -1.754758049087024e-10, 5.8660784842054825e-12, -8.666286148533911e-14,
)  # fmt: skip
FAR = 8.0  # L from which on a quantile has a formula of its own: one in 6000


def _numbers(value: float) -> Any:
    return ir.Constant(_NUMBERS, [value] * LANES)


def _polynomial(builder: Any, x: Any, coefficients: Sequence[float]) -> Any:
    total = _numbers(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = emit_fused(builder, x, total, _numbers(coefficient))
    return total


def _depth(builder: Any, value: Any, power: float, coefficients: Sequence[float]) -> Any:
    """Give -log(value / 2^power): value = 2^e f, f from sqrt(1/2) to sqrt(2), r = f - 1."""
    bits = builder.bitcast(value, WORDS)
    e = builder.lshr(builder.sub(bits, all_words(_ROOT_HALF)), all_words(52))
    f = builder.bitcast(builder.sub(bits, builder.shl(e, all_words(52))), _NUMBERS)
    r = builder.fsub(f, _numbers(1.0))
    whole = builder.fmul(builder.fsub(_numbers(power), builder.uitofp(e, _NUMBERS)), _numbers(_LN2))
    p = _polynomial(builder, r, coefficients)
    return emit_fused(builder, builder.fsub(_numbers(-0.0), r), p, whole)


def _halves(builder: Any, words: Any, at: Any) -> tuple[Any, Any]:
    """Give 2 k + 1 of the upper and the lower 32 bits k of eight words."""
    vector = builder.bitcast(vector_at(builder, words, at), WORDS)
    halves = builder.lshr(vector, all_words(32)), builder.and_(vector, all_words(0xFFFFFFFF))
    odds = [
        builder.fadd(builder.fmul(builder.uitofp(half, _NUMBERS), _numbers(2.0)), _numbers(1.0))
        for half in halves
    ]
    return odds[0], odds[1]


def _quantile(builder: Any, odd: Any) -> tuple[Any, Any]:
    """Give normals of uniforms odd / 2^33, and an integer that is not 0 where one is far.

    In place of the normal such a one has L, with the normal's sign.
    """
    across = builder.fmul(odd, builder.fsub(_numbers(2.0**33), odd))  # 2^64 (1 - x^2)
    depth = _depth(builder, across, 64.0, LOGARITHM)
    x = builder.fmul(builder.fsub(odd, _numbers(2.0**32)), _numbers(2.0**-32))
    near = builder.fmul(x, _polynomial(builder, depth, CENTRAL))
    negative = builder.fsub(_numbers(-0.0), depth)
    signed = builder.select(builder.fcmp_ordered("<", x, _numbers(0.0)), negative, depth)
    is_far = builder.fcmp_ordered(">=", depth, _numbers(FAR))
    flags = builder.zext(builder.bitcast(is_far, ir.IntType(LANES)), INDEX)
    return builder.select(is_far, signed, near), flags


@tile
def fill_quantiles(typingctx: Any, words: Any, at: Any, out: Any, place: Any, stride: Any) -> Any:
    """Fill 8 normals of the upper halves of words at..at + 7 and 8 of the lower, stride behind.

    Give 0, or another integer where one of them is far: see `FAR`.
    """
    index = types.int64
    signature = index(words, index, out, index, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        source, at, target, place, stride = pointers(context, builder, signature.args, values)
        flags = INDEX(0)
        for half, odd in enumerate(_halves(builder, source, at)):
            normals, far = _quantile(builder, odd)
            store_at(builder, normals, target, builder.add(place, builder.mul(stride, INDEX(half))))
            flags = builder.or_(flags, far)
        return flags

    return signature, generate


@tile
def fill_exponentials(
    typingctx: Any, words: Any, at: Any, out: Any, place: Any, stride: Any
) -> Any:
    """Fill -log((k + 1/2) / 2^32) of the upper halves k of 8 words, and of the lower behind.

    Within 3e-8 of itself, never 0: a picture needs no more.
    """
    index = types.int64
    signature = types.void(words, index, out, index, index)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        source, at, target, place, stride = pointers(context, builder, signature.args, values)
        for half, odd in enumerate(_halves(builder, source, at)):
            where = builder.add(place, builder.mul(stride, INDEX(half)))
            store_at(builder, _depth(builder, odd, 33.0, SHORT_LOGARITHM), target, where)
        return context.get_dummy_value()

    return signature, generate
