"""What a run that starts again needs beside the ticks to come: written and read, without I/O.

A checkpoint is the whole state between two batches: the windows, the symbols by number, the
trade ids seen, and the offset due next in each partition of ticks. A run that starts from it
reads on there and has the bits of one that never stopped. It is fixed binary, a header of
MessagePack and then the arrays' bytes, and a digest over both.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from silverbullet.settings import Settings

_MAGIC = b"SBCP1\n"
_DIGEST_BYTES = 16
_DTYPES = {"<i8": np.dtype("<i8"), "<f8": np.dtype("<f8")}
_LENGTH_BYTES = 4


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message says why."""


class Shape(msgspec.Struct, frozen=True):
    """Name, type and shape of an array."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before the arrays.

    Attributes
    ----------
    windows
        The settings that windows depend on; a run with others cannot use it.
    positions
        Offset due next in each partition of ticks.
    decision_id
        The newest decision made before; empty where there was none.
    fingerprint
        Of the code that wrote it.
    """

    portfolio: str
    time_ns: int
    windows: dict[str, int | str]
    positions: dict[str, int]
    symbols: tuple[str, ...]
    decision_id: str
    fingerprint: str
    arrays: tuple[Shape, ...]


class Checkpoint(NamedTuple):
    """A header and its arrays, `trade_ids` int64[n] beside those of the windows."""

    header: Header
    arrays: Mapping[str, NDArray[Any]]


_decoder = msgspec.msgpack.Decoder(Header)


def window_settings(settings: Settings) -> dict[str, int | str]:
    """Give what must be equal for a state of windows to go on."""
    window = settings.window
    return {
        "window.sample_interval_s": window.sample_interval_ns,
        "window.rows": window.rows,
        "window.ticks": window.ticks,
        "ticks.allowed_lateness_s": round(settings.ticks.allowed_lateness_s * 1e9),
        "ticks.max_symbols": settings.ticks.max_symbols,
        "decide.trigger": settings.decide.trigger,
        "kafka.ticks_topic": settings.kafka.ticks_topic,
    }


def encode_checkpoint(header: Header, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Write a checkpoint; the header's own list of arrays is made here."""
    parts = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    shapes = tuple(Shape(name, array.dtype.str, array.shape) for name, array in parts.items())
    head = msgspec.msgpack.encode(msgspec.structs.replace(header, arrays=shapes))
    body = b"".join(
        (len(head).to_bytes(_LENGTH_BYTES, "little"), head, *(a.tobytes() for a in parts.values()))
    )
    return _MAGIC + _digest(body) + body


def decode_checkpoint(payload: bytes) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError
        It is cut short, of another version, or its digest is another.
    """
    start = len(_MAGIC) + _DIGEST_BYTES
    if not payload.startswith(_MAGIC):
        raise CheckpointError("not a checkpoint of this version")
    body = memoryview(payload)[start:]
    if _digest(body) != payload[len(_MAGIC) : start]:
        raise CheckpointError("its digest is another: it was cut short or changed")
    end = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "little")
    try:
        header = _decoder.decode(body[_LENGTH_BYTES:end])
    except (msgspec.DecodeError, RecursionError) as error:
        raise CheckpointError(f"its header cannot be read: {error}") from None
    return Checkpoint(header, _read_arrays(header.arrays, body[end:]))


def _read_arrays(shapes: Sequence[Shape], data: memoryview) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for shape in shapes:
        if shape.dtype not in _DTYPES or any(length < 0 for length in shape.shape):
            raise CheckpointError(f"array {shape.name}: type {shape.dtype}, shape {shape.shape}")
        n_bytes = 8
        for length in shape.shape:
            n_bytes *= length
        if n_bytes > len(data):
            raise CheckpointError(f"array {shape.name} is cut short")
        array = np.frombuffer(data[:n_bytes], _DTYPES[shape.dtype]).reshape(shape.shape)
        arrays[shape.name] = array
        data = data[n_bytes:]
    if len(data):
        raise CheckpointError(f"{len(data)} bytes behind its arrays")
    return arrays


def misfit(header: Header, settings: Settings) -> str:
    """Say why a run with these settings cannot go on from a checkpoint; empty where it can."""
    if header.portfolio != settings.decide.portfolio:
        return f"it is of portfolio {header.portfolio}"
    ours = window_settings(settings)
    for name, value in ours.items():
        if header.windows.get(name) != value:
            return f"{name} was {header.windows.get(name)}, is {value}"
    return ""


def _digest(body: bytes | memoryview) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
