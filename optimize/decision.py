"""A decision, its digest, and its form on the wire (JSON)."""

import hashlib
import math
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from stats.compiled import FloatArray, IntArray


class StageTimes(msgspec.Struct, frozen=True, kw_only=True):
    """When a decision passed each stage: int64 ns UTC on the clock of ``run``.

    ``event_ns`` is the newest tick's own time, ``message_ns`` its message's Kafka timestamp
    (whole milliseconds); the rest follow in order. ``published_ns`` is when the decision was
    encoded, just before it went to the producer.
    """

    event_ns: int
    message_ns: int
    received_ns: int
    updated_ns: int
    submitted_ns: int
    solved_ns: int
    published_ns: int


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Portfolios as points of risk and return, per sampling interval, made from one row."""

    row: int
    volatility: np.ndarray
    expected_return: np.ndarray


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A portfolio, what it was made from, and how.

    Arrays are float64[n] in the order of ``symbols``. ``mean``, ``volatility``, ``skewness``
    and ``kurtosis`` are the windows' sample values. ``estimated_mean`` and
    ``estimated_volatility`` are the estimates that the optimiser used (the latter: square roots
    of the estimated covariance's diagonal); ``expected_return``, ``portfolio_volatility``,
    ``sharpe``, ``frontier`` and ``cloud`` are under these, so that a picture of risk and return
    shows assets by them too. All are per sampling interval. ``digest`` covers inputs, weights
    and statistics, never ``engine``, ``peers``, ``degraded``, ``late``, the reasons or times.
    ``reason`` says why the portfolio is not the optimum that was asked for, ``engine_reason`` why
    it was not evaluated where and when it was meant to be; empty where it was.
    """

    id: str
    portfolio: str
    trigger: str
    method: str
    objective: str
    row: int
    row_end_ns: int
    sample_interval_ns: int
    n_observations: int
    symbols: tuple[str, ...]
    prices: np.ndarray
    weights: np.ndarray
    weight_stddev: np.ndarray
    start_weights: np.ndarray
    mean: np.ndarray
    volatility: np.ndarray
    estimated_mean: np.ndarray
    estimated_volatility: np.ndarray
    skewness: np.ndarray
    kurtosis: np.ndarray
    expected_return: float
    portfolio_volatility: float
    sharpe: float | None
    sharpe_stddev: float | None
    optimality_gap: float
    n_draws: int
    seed: int
    round: int
    engine: str
    peers: tuple[str, ...]
    degraded: bool
    late: bool
    reason: str
    times: StageTimes
    offsets: dict[str, int]
    digest: str
    engine_reason: str = ""
    frontier: Curve | None = None
    cloud: Curve | None = None


def decision_id(portfolio: str, row: int, offsets: dict[int, int]) -> str:
    """Name a decision by portfolio, row and input offsets; sorts by row within a portfolio."""
    tail = ".".join(f"{partition}-{offset:012d}" for partition, offset in sorted(offsets.items()))
    return f"{portfolio}:{row:014d}:{tail}"


@lru_cache(maxsize=16)
def _digest_of_texts(texts: tuple[str, ...]) -> Any:
    """Begin a digest; the texts change with the universe alone, and are 60 to hash and join."""
    return hashlib.sha256("\0".join(texts).encode())


@lru_cache(maxsize=16)
def _lower_triangle(n: int) -> IntArray:
    """Give the places of a matrix's lower triangle, row by row."""
    return np.ravel_multi_index(np.tril_indices(n), (n, n))


def decision_digest(
    texts: tuple[str, ...],
    integers: Sequence[int],
    vectors: Sequence[FloatArray | Sequence[float]],
    covariance: FloatArray,
) -> str:
    """Hash inputs, weights and statistics bit by bit.

    Of the covariance the lower triangle: the upper has the same bits, and 10 kB less to hash are
    6 us of 18. All is hashed at once, as a call each costs more than its bytes.

    Parameters
    ----------
    texts, integers
        In an order of their own; integers fit 64 bits.
    vectors
        float64[any length] each.
    covariance
        float64[n, n], symmetric, contiguous.

    Returns
    -------
    str
        32 hexadecimal characters of SHA-256.
    """
    digest = _digest_of_texts(texts).copy()
    digest.update(struct.pack(f"<{len(integers)}q", *integers))
    triangle = covariance.ravel().take(_lower_triangle(len(covariance)))
    digest.update(np.concatenate((*vectors, triangle)))
    return str(digest.hexdigest()[:32])


def _encode_array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"cannot encode {type(value).__name__} in a decision")


def _decode_array(expected: type, value: Any) -> Any:
    if expected is np.ndarray:
        array = np.array([math.nan if item is None else item for item in value], np.float64)
        array.setflags(write=False)
        return array
    raise TypeError(f"cannot decode {expected.__name__} in a decision")


_PUBLISHED = b'"published_ns":'
_encoder = msgspec.json.Encoder(enc_hook=_encode_array)
_decoder = msgspec.json.Decoder(Decision, dec_hook=_decode_array)


def encode_decision(decision: Decision) -> bytes:
    """Write a decision as JSON; NaN becomes null, every other float keeps its bits."""
    return _encoder.encode(decision)


def stamp_published(payload: bytes, published_ns: int) -> bytes:
    """Write ``published_ns`` into an encoded message, of whose object it is the last field.

    Encoding is part of what a decision's readers wait for, 30 us of 50 assets, so the stamp
    can only be set after it. Within a JSON string the pattern cannot stand: its quotes are escaped.

    Raises
    ------
    ValueError
        The payload has no such field.
    """
    start = payload.rindex(_PUBLISHED) + len(_PUBLISHED)
    return b"%b%d%b" % (payload[:start], published_ns, payload[payload.index(b"}", start) :])


def decode_decision(payload: bytes) -> Decision:
    """Read a decision from JSON.

    Raises
    ------
    msgspec.ValidationError
        A field is missing or of another type.
    msgspec.DecodeError
        The payload is not JSON, or nested without end.
    """
    try:
        return _decoder.decode(payload)
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deep") from None
