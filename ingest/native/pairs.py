"""Kernels of this package beside their plain twins; what moves messages has no twin.

`message_kernels` reads librdkafka's memory: `ObjectDrain` is what it is compared with, on a broker.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ingest.native import json_kernels, packed_kernels, plain, plain_packed
from ingest.packed import encode_packed
from stats.pairs import KernelPair
from stats.plain_inputs import uniforms

_NAMES = 64


def _messages(seed: int, size: int) -> tuple[Any, ...]:
    draws = uniforms(seed, 4 * max(size, 2)).reshape(-1, 4).tolist()
    texts = []
    for place, (which, size_of_price, digits, when) in enumerate(draws):
        symbol = f"S{which * (size + 1):.0f}/USDT"
        price, time_ns = round(10.0 ** (8.0 * size_of_price), int(9.0 * digits)), int(when * 2**62)
        text = f'{{"symbol":"{symbol}","price":{price!r},"event_time_ns":{time_ns}'
        text += f', "trade_id": {place}}}' if place % 3 == 0 else "}"
        texts.append(text.encode() if place % 7 else text.encode()[:-9])
    n = len(texts)
    bounds = np.concatenate(([0], np.cumsum([len(text) for text in texts])))
    content = b"".join(texts) + bytes(json_kernels.PADDING)
    return (
        np.frombuffer(content, np.uint8).copy(), bounds, np.zeros(n, np.uint8),
        np.zeros((3, n), np.int64), np.zeros(n),
    )  # fmt: skip


def make_table() -> tuple[Any, Any, Any]:
    """Make an empty table of symbols."""
    names = np.zeros((_NAMES + 1, json_kernels.NAME_WORDS), np.uint64)
    return names, np.full(2 * _NAMES, -1, np.int64), np.zeros(1, np.int64)


def _read_fast(*arguments: Any) -> Any:
    return _read(json_kernels.read_plain_ticks, *arguments)


def _read_slowly(*arguments: Any) -> Any:
    return _read(plain.read_plain_ticks, *arguments)


def _read(read: Any, text: Any, bounds: Any, is_plain: Any, ints: Any, prices: Any) -> Any:
    names, slots, count = make_table()
    found = read(text, bounds, is_plain, ints, prices, names, slots, count)
    # What was begun of a message that is not plain means nothing, nor does what stands behind
    # the last name.
    ints[:, is_plain == 0], prices[is_plain == 0] = 0, 0.0
    return found, names[: count[0]].view(np.int64)


def _heads(seed: int, size: int) -> tuple[Any, ...]:
    """Make packed messages; every third has another table than the one before."""
    values = []
    for k in range(3 + size // 20):
        n, names = 1 + size, [f"S{j}/USDT" for j in range(2 + k // 3)]
        draws = uniforms(seed + k, 3 * n).reshape(3, n)
        trades = np.arange(n) + n * k if k % 2 else None
        places, times = (draws[0] * len(names)).astype(int), (draws[2] * 2**60).astype(np.int64)
        values.append(encode_packed(names, places, 1.0 + draws[1], times, trades))
    bounds = np.cumsum([0, *(len(value) for value in values)])
    heads = np.zeros((packed_kernels.N_HEADS, len(values)), np.int64)
    return np.frombuffer(b"".join(values), np.uint8).copy(), bounds, heads


def _packed_rows(seed: int, size: int) -> tuple[Any, ...]:
    buffer, bounds, heads = _heads(seed, size)
    total, n = plain_packed.read_heads(buffer, bounds, heads), heads.shape[1]
    sources = np.zeros((4, n), np.int64)
    sources[0], sources[1], sources[2] = 2**61, np.arange(n) % 3, np.arange(n) + 70
    ids = np.arange(_NAMES, 0, -1).astype(np.int32)
    return (
        buffer, bounds, heads, sources, ids, np.array([1e-15, 1e15]),
        np.full(_NAMES + 1, -1, np.int64), np.zeros(total, np.int32), np.zeros(total, np.int32),
        np.zeros((2, total), np.int64), np.zeros(total),
    )  # fmt: skip


def _alone(function: Callable[..., int]) -> Callable[..., Any]:
    return lambda *arguments: (int(function(*arguments)), np.zeros(0))


PAIRS: tuple[KernelPair, ...] = (
    KernelPair("read_plain_ticks", _read_fast, _read_slowly, _messages, 0.0),
    KernelPair(
        "read_packed_heads",
        _alone(packed_kernels.read_heads),
        _alone(plain_packed.read_heads),
        _heads,
        0.0,
    ),
    KernelPair(
        "take_packed_rows",
        _alone(packed_kernels.take_rows),
        _alone(plain_packed.take_rows),
        _packed_rows,
        0.0,
    ),
)
