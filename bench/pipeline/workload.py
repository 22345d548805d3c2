"""The ticks of a pipeline run: a history that fills the windows, then a tape with due times."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.codec import encode_packed
from stats.compiled import FloatArray, IntArray

SYMBOLS = tuple(f"S{i:02d}/USDT" for i in range(50))
SAMPLE_INTERVAL_NS = 1_000_000_000
WINDOW_ROWS = 300
WINDOW_TICKS = 1000
# So that the tick windows are full too: four ticks a row, 303 rows.
_TICKS_A_ROW = 4
_ROWS = WINDOW_ROWS + 3
_ROWS_A_MESSAGE = 20
# Standard deviation of a row's log return: of the market, and an asset's own.
_MARKET, _OWN = 2e-4, 3e-4
# Of a row, four standard errors of a window's mean: without it half the windows have no portfolio
# of positive mean, for which nobody's solver has anything to do.
_DRIFT = 5e-5


@dataclass(frozen=True, slots=True)
class Tape:
    """Ticks in the order in which they are due.

    Attributes
    ----------
    due_ns
        int64[n], from the beginning of the tape; a Poisson process.
    symbol_ids
        int32[n], places in `SYMBOLS`.
    prices
        float64[n].
    """

    due_ns: IntArray
    symbol_ids: NDArray[np.int32]
    prices: FloatArray


def make_history(seed: int, end_ns: int) -> list[bytes]:
    """Make packed messages of ticks that fill all windows, the newest just before ``end_ns``."""
    generator = np.random.default_rng([seed, 0])
    n, steps = len(SYMBOLS), _ROWS * _TICKS_A_ROW
    prices = _walk(generator, np.full(n, 1.0 / _TICKS_A_ROW), steps, n)
    step_ns = SAMPLE_INTERVAL_NS // _TICKS_A_ROW
    first_ns = end_ns - steps * step_ns
    messages = []
    for start in range(0, steps, _ROWS_A_MESSAGE * _TICKS_A_ROW):
        part = prices[start : start + _ROWS_A_MESSAGE * _TICKS_A_ROW]
        times = first_ns + (start + np.repeat(np.arange(len(part)), n)) * step_ns
        ids = np.tile(np.arange(n), len(part))
        messages.append(encode_packed(SYMBOLS, ids, part.ravel(), times))
    return messages


def make_tape(seed: int, rate: float, seconds: float) -> Tape:
    """Make ``seconds`` of ticks at ``rate`` a second over all symbols; equal seeds, equal tape.

    Prices go on from where a history ends.
    """
    generator = np.random.default_rng([seed, 1])
    count = max(1, round(rate * seconds))
    due_ns = np.cumsum(generator.exponential(1e9 / rate, count)).astype(np.int64)
    symbol_ids = generator.integers(0, len(SYMBOLS), count, dtype=np.int32)
    # A tick moves its own asset by what it had waited for: n / rate seconds on average.
    market = np.cumsum(_MARKET * np.sqrt(1.0 / rate) * generator.standard_normal(count))
    own = _OWN * np.sqrt(len(SYMBOLS) / rate) * generator.standard_normal(count)
    logs = np.empty(count)
    for s in range(len(SYMBOLS)):
        mine = symbol_ids == s
        logs[mine] = np.cumsum(own[mine])
    logs += market + _DRIFT * due_ns / SAMPLE_INTERVAL_NS
    return Tape(due_ns, symbol_ids, _quote(logs))


def _walk(generator: np.random.Generator, variances: FloatArray, steps: int, n: int) -> FloatArray:
    market = _MARKET * generator.standard_normal((steps, 1))
    own = _OWN * generator.standard_normal((steps, n))
    logs = np.cumsum((market + own) * np.sqrt(variances) + _DRIFT * variances, axis=0)
    # It ends where the tape begins.
    return _quote(logs - logs[-1])


def _quote(logs: FloatArray) -> FloatArray:
    prices: FloatArray = np.round(1000.0 * np.exp(logs), 2)
    return prices
