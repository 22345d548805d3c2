"""Kernels of this package beside their plain twins; what moves messages has no twin.

`message_kernels` reads librdkafka's memory: `ObjectDrain` is what it is compared with, on a broker.
"""

from typing import Any

import numpy as np

from ingest.native import json_kernels, plain
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


PAIRS: tuple[KernelPair, ...] = (
    KernelPair("read_plain_ticks", _read_fast, _read_slowly, _messages, 0.0),
)
