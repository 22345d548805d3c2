"""Messages between the pipeline and the peers of an engine, as bytes.

Little-endian throughout. Every message is one frame::

    offset  size  field
    0       4     magic "SBEP"
    4       2     version
    6       2     kind
    8       8     number: the job's, or a ping's own; 0 where neither applies
    16      8     length of the body
    24      ...   body: the fixed fields of its kind, then raw arrays

Only fixed layouts are read, never pickled objects: whoever reaches the socket can send a wrong
number at worst, not code. The fixed fields are padded to 8 bytes, so arrays lie aligned and are
used in place, read-only.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from optimize.engines.messages import (
    Blocks,
    Cancel,
    Failed,
    Hello,
    Job,
    Message,
    Ping,
    Pong,
    Result,
    Stop,
)
from optimize.job import BlockResult, DrawJob, Kind, Objective
from stats.compiled import FloatArray

VERSION: Final = 1
_MAGIC: Final = b"SBEP"
_HEADER: Final = struct.Struct("<4sHHQQ")
MOST_BYTES: Final = 2**28
"""Longest body: a covariance of 5790 assets."""
_HELLO: Final = struct.Struct("<IHH")
_JOB: Final = struct.Struct("<BBHIqqqQQd")
_RESULT: Final = struct.Struct("<IIIIqqddQ")
_FAILED: Final = struct.Struct("<I")
_KINDS: Final[tuple[Kind, ...]] = ("exact", "resample", "cloud", "frontier")
_OBJECTIVES: Final[tuple[Objective, ...]] = ("max_sharpe", "min_variance")


class WireError(ValueError):
    """Bytes that are not a message of this version; says what is wrong with them."""


def frame_bytes(data: bytes | bytearray, offset: int = 0) -> int | None:
    """Give the size of the frame whose header begins at an offset; None where more is needed.

    Raises
    ------
    WireError
        It is no header, or of a frame that no sender can mean.
    """
    magic = bytes(data[offset : offset + len(_MAGIC)])
    if not _MAGIC.startswith(magic):
        raise WireError(f"frame begins with {magic!r}: must be {_MAGIC!r}")
    if len(data) - offset < _HEADER.size:
        return None
    length = _HEADER.unpack_from(data, offset)[-1]
    if length > MOST_BYTES:
        raise WireError(f"frame of {length} bytes: at most {MOST_BYTES} are taken")
    return int(_HEADER.size + length)


def encode(message: Message) -> bytes:
    """Write a message."""
    body = _body(message)
    code, number = _CODES[type(message)], _number(message)
    return _HEADER.pack(_MAGIC, VERSION, code, number, len(body)) + body


def decode(frame: bytes) -> Message:
    """Read a message; its arrays are read-only views of ``frame``.

    Raises
    ------
    WireError
        The frame is short or long, of another version, or says what no sender can mean.
    """
    if len(frame) < _HEADER.size:
        raise WireError(f"frame of {len(frame)} bytes: a header alone has {_HEADER.size}")
    magic, version, code, number, length = _HEADER.unpack_from(frame)
    if magic != _MAGIC:
        raise WireError(f"frame begins with {magic!r}: must be {_MAGIC!r}")
    if version != VERSION:
        raise WireError(f"frame of version {version}: this side speaks {VERSION}; install the same")
    if length != len(frame) - _HEADER.size:
        raise WireError(f"body of {len(frame) - _HEADER.size} bytes: the header says {length}")
    reader = _READERS.get(code)
    if reader is None:
        raise WireError(f"message kind {code}: known are 1 to {len(_READERS)}")
    try:
        return reader(frame, number)
    except (struct.error, UnicodeDecodeError) as error:
        raise WireError(f"message kind {code} with a body of {length} bytes: {error}") from error


def _number(message: Message) -> int:
    match message:
        case Hello() | Stop():
            return 0
        case Ping(number) | Pong(number):
            return number
        case _:
            return message.job_id


def _body(message: Message) -> bytes:
    body = b""
    match message:
        case Hello(name, fingerprint, capacity):
            texts = name.encode(), fingerprint.encode()
            body = _HELLO.pack(capacity, *map(len, texts)) + b"".join(texts)
        case Job(_, job):
            body = _job_body(job)
        case Blocks(_, blocks):
            body = _integers(blocks)
        case Result(_, result, compute_ns, worker):
            body = _result_body(result, compute_ns, worker.encode())
        case Failed(_, blocks, reason):
            body = _FAILED.pack(len(blocks)) + _integers(blocks) + reason.encode()
        case Stop(reason):
            body = reason.encode()
    return body


def _integers(values: Sequence[int]) -> bytes:
    return np.asarray(values, "<u4").tobytes()


def _floats(*arrays: FloatArray) -> bytes:
    return b"".join(np.ascontiguousarray(array, "<f8").tobytes() for array in arrays)


def _job_body(job: DrawJob) -> bytes:
    fixed = _JOB.pack(
        _KINDS.index(job.kind), _OBJECTIVES.index(job.objective), 0, job.n_assets,
        job.n_observations, job.n_draws, job.block_size, job.seed, job.round, job.max_weight,
    )  # fmt: skip
    return fixed + _floats(job.mean, job.covariance, job.start_weights)


def _result_body(result: BlockResult, compute_ns: int, worker: bytes) -> bytes:
    fixed = _RESULT.pack(
        result.block, result.count, len(result.weight_mean), len(result.cloud_return),
        result.exchanges, compute_ns, result.sharpe_mean, result.sharpe_m2, len(worker),
    )  # fmt: skip
    arrays = result.weight_mean, result.weight_m2, result.cloud_return, result.cloud_volatility
    return fixed + _floats(*arrays) + worker


def _take(frame: bytes, offset: int, *sizes: int, tail: int = 0) -> list[FloatArray]:
    """Cut the rest of a frame, but for ``tail`` bytes, into float64 arrays of these sizes."""
    rest = len(frame) - offset - tail
    if rest != 8 * sum(sizes):
        raise WireError(f"arrays of {rest} bytes: must be {8 * sum(sizes)}")
    arrays = []
    for size in sizes:
        arrays.append(np.frombuffer(frame, "<f8", size, offset))
        offset += 8 * size
    return arrays


def _blocks(frame: bytes, offset: int, count: int) -> tuple[int, ...]:
    if count < 1 or len(frame) - offset < 4 * count:
        raise WireError(f"{count} blocks in {len(frame) - offset} bytes: 4 a block, at least one")
    return tuple(np.frombuffer(frame, "<u4", count, offset).tolist())


def _read_hello(frame: bytes, _: int) -> Hello:
    capacity, *lengths = _HELLO.unpack_from(frame, _HEADER.size)
    text = frame[_HEADER.size + _HELLO.size :]
    if len(text) != sum(lengths):
        raise WireError(f"texts of {len(text)} bytes: must be {sum(lengths)}")
    return Hello(text[: lengths[0]].decode(), text[lengths[0] :].decode(), capacity)


def _read_job(frame: bytes, number: int) -> Job:
    kind, objective, _, n, n_observations, n_draws, block_size, seed, round_, max_weight = (
        _JOB.unpack_from(frame, _HEADER.size)
    )
    if kind >= len(_KINDS) or objective >= len(_OBJECTIVES) or n < 1 or block_size < 1:
        raise WireError(f"job of kind {kind}, objective {objective}, {n} assets, {block_size=}")
    mean, covariance, start = _take(frame, _HEADER.size + _JOB.size, n, n * n, n)
    job = DrawJob(
        _KINDS[kind], mean, covariance.reshape(n, n), n_observations, _OBJECTIVES[objective],
        max_weight, start, n_draws, block_size, seed, round_,
    )  # fmt: skip
    return Job(number, job)


def _read_blocks(frame: bytes, number: int) -> Blocks:
    size = len(frame) - _HEADER.size
    if size % 4:
        raise WireError(f"block list of {size} bytes: must be a multiple of 4")
    return Blocks(number, _blocks(frame, _HEADER.size, size // 4))


def _read_result(frame: bytes, number: int) -> Result:
    block, count, n, points, exchanges, compute_ns, sharpe_mean, sharpe_m2, tail = (
        _RESULT.unpack_from(frame, _HEADER.size)
    )
    mean, m2, cloud_return, cloud_volatility = _take(
        frame, _HEADER.size + _RESULT.size, n, n, points, points, tail=tail
    )
    result = BlockResult(
        block, count, mean, m2, sharpe_mean, sharpe_m2, cloud_return, cloud_volatility, exchanges
    )
    return Result(number, result, compute_ns, frame[len(frame) - tail :].decode())


def _read_failed(frame: bytes, number: int) -> Failed:
    (count,) = _FAILED.unpack_from(frame, _HEADER.size)
    start = _HEADER.size + _FAILED.size
    blocks = _blocks(frame, start, count)
    return Failed(number, blocks, frame[start + 4 * count :].decode())


def _empty(make: Callable[[int], Message]) -> Callable[[bytes, int], Message]:
    def read(frame: bytes, number: int) -> Message:
        if len(frame) > _HEADER.size:
            raise WireError(f"body of {len(frame) - _HEADER.size} bytes: must be empty")
        return make(number)

    return read


_CODES: Final[dict[type[Message], int]] = {
    Hello: 1, Job: 2, Blocks: 3, Result: 4, Failed: 5, Cancel: 6, Ping: 7, Pong: 8, Stop: 9
}  # fmt: skip
_READERS: Final[dict[int, Callable[[bytes, int], Message]]] = {
    1: _read_hello,
    2: _read_job,
    3: _read_blocks,
    4: _read_result,
    5: _read_failed,
    6: _empty(Cancel),
    7: _empty(Ping),
    8: _empty(Pong),
    9: lambda frame, _: Stop(frame[_HEADER.size :].decode()),
}
