"""Plain JSON ticks from bytes to columns: what a feed writes, and nothing else.

Taken is an object of the members symbol, price, event_time_ns and perhaps trade_id, each once, in
any order, with or without white space: the symbol of admission's letters without escapes, the
price of at most 2^53 without its point and a power of ten within 22 (then one multiplication or
division rounds as all digits would: Clinger, PLDI 1990), integers without a sign. All else is
left to the reader of everything, at the cost of its own way: 600 ns a tick instead of 60.

Bytes are read by address, eight at once where that helps: `PADDING` bytes behind the last
message must be there to be read, whatever they hold.
"""

import numpy as np
from numpy.typing import NDArray

from ingest.native.memory import int64, load_byte, load_uint64
from stats.compiled import FloatArray, IntArray, kernel

ByteArray = NDArray[np.uint8]
WordArray = NDArray[np.uint64]

PADDING = 40  # a name's four words, read from its last byte on
NAME_WORDS = 4
_UNUSUAL = -1
_POWERS = np.array([10.0**k for k in range(23)])
_EXACT = 2**53
_LARGEST, _LARGEST_DIGIT = 2**63 // 10, 7  # of int64: its digits but the last, and the last
# Admission's letters: A to Z, 0 to 9 and . _ / -
_IS_LETTER = np.zeros(256, np.uint8)
_IS_LETTER[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-")] = 1


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text.ljust(8, b"\0"), "little"))


_SYMBOL, _PRICE = _word(b'"symbol"'), _word(b'"price"')
_EVENT, _TIME_NS = _word(b'"event_t'), _word(b'ime_ns"')
_TRADE, _ID = _word(b'"trade_i'), _word(b'd"')
_TWO, _SEVEN = np.uint64(0xFFFF), np.uint64(0xFFFFFFFFFFFFFF)
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_HIGH, _ZEROS = np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0x3030303030303030)
_SIXES, _LOW = np.uint64(0x0606060606060606), np.uint64(0x0F0F0F0F0F0F0F0F)
_TENS, _HUNDREDS = np.uint64(2561), np.uint64(6553601)
_TEN_THOUSANDS = np.uint64(42949672960001)
_PAIRS, _FOURS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_MIX = np.uint64(0x9E3779B97F4A7C15)


@kernel
def skip_spaces(at: int, stop: int) -> int:
    """Give the address of the next byte that is no white space."""
    while at < stop and (
        load_byte(at) == 32 or load_byte(at) == 10 or load_byte(at) == 13 or load_byte(at) == 9
    ):
        at += 1
    return at


@kernel
def is_eight_digits(word: np.uint64) -> bool:
    """Tell whether all eight bytes are digits."""
    return bool((word & _HIGH) == _ZEROS and ((word + _SIXES) & _HIGH) == _ZEROS)


@kernel
def eight_digits(word: np.uint64) -> int:
    """Give the number of eight digits: neighbours joined, then pairs, then fours (Lemire)."""
    word &= _LOW
    word = ((word * _TENS) >> np.uint64(8)) & _PAIRS
    word = ((word * _HUNDREDS) >> np.uint64(16)) & _FOURS
    return int64((word * _TEN_THOUSANDS) >> np.uint64(32))


@kernel
def read_integer(at: int, stop: int) -> tuple[int, int]:
    """Read an integer >= 0 of 63 bits; gives it and the address behind it, or -1 there."""
    first, value = at, 0
    if at + 16 < stop and is_eight_digits(load_uint64(at)):
        value, at = eight_digits(load_uint64(at)), at + 8
        if is_eight_digits(load_uint64(at)):
            value, at = value * 100_000_000 + eight_digits(load_uint64(at)), at + 8
    while at < stop and 48 <= load_byte(at) <= 57:
        digit = int64(load_byte(at)) - 48
        if value > _LARGEST or (value == _LARGEST and digit > _LARGEST_DIGIT):
            return 0, _UNUSUAL
        value = value * 10 + digit
        at += 1
    # JSON has no empty number and no leading zero; a point or exponent makes it another kind.
    if at == first or (load_byte(first) == 48 and at > first + 1):
        return 0, _UNUSUAL
    return value, at


@kernel
def read_exponent(at: int, stop: int) -> tuple[int, int]:
    """Read what stands behind an e, of at most three digits; gives it and the address behind."""
    sign = 1
    if at < stop and (load_byte(at) == 43 or load_byte(at) == 45):
        sign = -1 if load_byte(at) == 45 else 1
        at += 1
    first, value = at, 0
    while at < stop and at < first + 3 and 48 <= load_byte(at) <= 57:
        value = value * 10 + int64(load_byte(at)) - 48
        at += 1
    if at == first or (at < stop and 48 <= load_byte(at) <= 57):
        return 0, _UNUSUAL
    return sign * value, at


@kernel
def read_price(at: int, stop: int) -> tuple[float, int]:
    """Read a number >= 0 that one rounding makes exact; gives it and the address behind, or -1."""
    first, digits, fraction = at, 0, 0
    while at < stop and 48 <= load_byte(at) <= 57 and digits <= _EXACT:
        digits = digits * 10 + int64(load_byte(at)) - 48
        at += 1
    if at == first or (load_byte(first) == 48 and at > first + 1):
        return 0.0, _UNUSUAL
    if at < stop and load_byte(at) == 46:
        at += 1
        point = at
        while at < stop and 48 <= load_byte(at) <= 57 and digits <= _EXACT:
            digits = digits * 10 + int64(load_byte(at)) - 48
            at += 1
        fraction = at - point
        if fraction == 0:
            return 0.0, _UNUSUAL
    power = -fraction
    if at < stop and (load_byte(at) == 101 or load_byte(at) == 69):
        exponent, at = read_exponent(at + 1, stop)
        power += exponent
    if at == _UNUSUAL or digits > _EXACT or not -22 <= power <= 22:
        return 0.0, _UNUSUAL
    value = digits * _POWERS[power] if power >= 0 else digits / _POWERS[-power]
    return value, at


@kernel
def find_name(first: int, last: int, names: WordArray, slots: IntArray, count: IntArray) -> int:
    """Give a symbol's place in the table, a new one where it is unknown; -1 where it is unusual.

    Open addressing with linear probing; half of the slots stay free. A name is four words, with
    zeros behind its last letter.
    """
    length = last - first
    if length == 0 or length > 8 * NAME_WORDS:
        return _UNUSUAL
    for at in range(first, last):
        if _IS_LETTER[load_byte(at)] == 0:
            return _UNUSUAL
    place = int64(count[0])
    mixed = np.uint64(0)
    # Written behind the last name, where it stays if it is new.
    for k in range(NAME_WORDS):
        left = length - 8 * k
        word = np.uint64(0)
        if left > 0:
            word = load_uint64(first + 8 * k)
            if left < 8:
                word &= _ONES >> np.uint64(64 - 8 * left)
        names[place, k] = word
        mixed = (mixed ^ word) * _MIX
        mixed ^= mixed >> np.uint64(32)
    slot = int64(mixed & np.uint64(len(slots) - 1))
    while slots[slot] >= 0:
        known = slots[slot]
        if (
            names[known, 0] == names[place, 0]
            and names[known, 1] == names[place, 1]
            and names[known, 2] == names[place, 2]
            and names[known, 3] == names[place, 3]
        ):
            return int64(known)
        slot = (slot + 1) & (len(slots) - 1)
    if 2 * place >= len(slots):
        return _UNUSUAL
    slots[slot], count[0] = place, place + 1
    return place


@kernel
def find_key(at: int, stop: int) -> tuple[int, int]:
    """Read a member's name and colon; gives which it is and the address of its value, or -1."""
    word = load_uint64(at)
    if word == _SYMBOL:
        key, at = 0, at + 8
    elif (word & _SEVEN) == _PRICE:
        key, at = 1, at + 7
    elif word == _EVENT and (load_uint64(at + 8) & _SEVEN) == _TIME_NS:
        key, at = 2, at + 15
    elif word == _TRADE and (load_uint64(at + 8) & _TWO) == _ID:
        key, at = 3, at + 10
    else:
        return 0, _UNUSUAL
    at = skip_spaces(at, stop)
    if at >= stop or load_byte(at) != 58:
        return key, _UNUSUAL
    return key, skip_spaces(at + 1, stop)


@kernel
def read_tick(
    at: int,
    stop: int,
    i: int,
    ints: IntArray,
    prices: FloatArray,
    names: WordArray,
    slots: IntArray,
    count: IntArray,
) -> bool:
    """Read one object to the last byte into column i; tells whether it is a plain tick."""
    seen, first, last, mark = 0, 0, 0, 44
    ints[2, i] = -1
    at = skip_spaces(at, stop)
    if at == stop or load_byte(at) != 123:
        return False
    while mark == 44:
        key, at = find_key(skip_spaces(at + 1, stop), stop)
        if at in (_UNUSUAL, stop) or seen & (1 << key):
            return False
        seen |= 1 << key
        if key == 0:
            first = last = at + 1
            while last < stop and load_byte(last) != 34:
                last += 1
            at = last + 1 if load_byte(at) == 34 else _UNUSUAL
        elif key == 1:
            prices[i], at = read_price(at, stop)
        else:
            ints[key - 1, i], at = read_integer(at, stop)
        at = skip_spaces(at, stop) if at != _UNUSUAL else stop
        if at >= stop:
            return False
        mark = load_byte(at)
    if mark != 125 or skip_spaces(at + 1, stop) != stop or seen & 7 != 7:
        return False
    # Last, so that only a plain tick's symbol enters the table.
    ints[0, i] = find_name(first, last, names, slots, count)
    return bool(ints[0, i] >= 0)


@kernel
def read_plain_ticks(
    text: ByteArray,
    bounds: IntArray,
    plain: ByteArray,
    ints: IntArray,
    prices: FloatArray,
    names: WordArray,
    slots: IntArray,
    count: IntArray,
) -> int:
    """Read messages; gives how many are plain ticks.

    Parameters
    ----------
    text, bounds
        As of `Payloads`, with `PADDING` bytes behind.
    plain
        uint8[n], written: 1 where a message is a plain tick, else 0.
    ints, prices
        int64[3, n] and float64[n], written where it is: place of its symbol in ``names``, event
        time, trade id (-1 without); price.
    names, slots, count
        uint64[k + 1, 4], int64[2 k] with k a power of two (-1: free) and int64[1]: table of at
        most k symbols, which grows.
    """
    found, base = 0, text.ctypes.data
    for i in range(len(plain)):
        is_plain = read_tick(
            base + bounds[i], base + bounds[i + 1], i, ints, prices, names, slots, count
        )
        plain[i] = 1 if is_plain else 0
        found += plain[i]
    return found
