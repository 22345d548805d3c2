"""Plain-numpy twin of the cloud: lanes side by side, the same arithmetic, the same bits."""

import numpy as np

from optimize.lane_code import ROWS
from optimize.lane_math import SHORT_LOGARITHM
from optimize.philox import CLOUD, CLOUD_ORDER, WordArray
from optimize.plain_draws import depths, fill_words, odds
from optimize.plain_fused import fused, fused_singles
from optimize.simplex import FEW, PERIOD, RUN, AssetArray, count_sharing
from stats.compiled import FloatArray

_BLOCK = 256


def fill_sizes(n: int, cap: float) -> list[int]:
    """Twin of ``simplex.fill_sizes``."""
    enough = (k for k in range(1, n) if k * cap >= 1.0 - 1e-12)
    sizes, least = [n], next(enough, n)
    while sizes[-1] > least:
        sizes.append(max((sizes[-1] + 1) // 2, least))
    return sizes


def fill_order(seed: int, round_: int, period: int, n: int) -> AssetArray:
    """Twin of ``simplex.fill_order``."""
    words = np.empty((2, n // 2 + 1), np.uint64)
    fill_words(seed, 0, period, round_, CLOUD_ORDER * 65536, words[0], words[1])
    order = np.arange(n, dtype=np.uint32)
    for i in range(n - 1, 0, -1):
        j = (int(words[i % 2, i // 2]) >> 32) * (i + 1) >> 32
        order[[i, j]] = order[[j, i]]
    return order


def choose(first: int, second: int, order: AssetArray, held: int) -> AssetArray:
    """Twin of ``simplex.choose``."""
    n = len(order)
    start = (int(first) >> 32) * n >> 32
    steps = max((n - 1) // (held - 1), 1) if held > 1 else 1
    step = 1 + ((int(second) >> 32) * steps >> 32)
    return np.asarray(order[(start + step * np.arange(held)) % n])


def draw_run(
    seed: int, round_: int, run: int, held: int, cap: float
) -> tuple[WordArray, FloatArray]:
    """Twin of ``simplex.draw_run`` and ``simplex.cut_panel``: choosing words, float64[held, 8]."""
    m = -(-2 * held // RUN) * RUN
    words = np.empty((2, RUN + m), np.uint64)
    fill_words(seed, 0, run, round_, CLOUD * 65536, words[0], words[1])
    odd = np.concatenate([odds(row) for row in words[:, RUN:]])
    panel = depths(odd, 33.0, SHORT_LOGARITHM)[: RUN * held].reshape(held, RUN)
    if cap < 1.0:
        weights = panel / np.cumsum(panel, axis=0)[-1]
        over = np.cumsum(np.maximum(weights - cap, 0.0), axis=0)[-1]
        room = np.cumsum(np.maximum(cap - weights, 0.0), axis=0)[-1]
        share = np.minimum(np.divide(over, room, out=np.zeros(RUN), where=room > 0.0), 1.0)
        weights = np.minimum(weights, cap)
        panel = np.minimum(weights + (cap - weights) * share, cap)
    return words[:, :RUN], panel


def _halves(covariance: FloatArray, assets: AssetArray, panel: FloatArray) -> FloatArray:
    """Half of w'Sigma w of a panel whose draws hold the same assets, in floats."""
    held = len(assets)
    lower = np.tril(covariance[np.ix_(assets, assets)])
    lower[np.diag_indices(held)] *= 0.5
    rows, weights = lower.astype(np.float32), panel.astype(np.float32)
    parts = []
    for left in range(0, held, _BLOCK):
        below = np.zeros_like(weights)
        for j in range(left, min(left + _BLOCK, held)):
            below = fused_singles(rows[:, j : j + 1], weights[j], below)
        parts.append(below)
    total = np.zeros(RUN, np.float32)
    for top in range(0, held, 8 * ROWS):
        for below in parts:
            for i in range(top, min(top + 8 * ROWS, held)):
                total = fused_singles(weights[i], below[i], total)
    return total.astype(np.float64)


def _own_halves(covariance: FloatArray, assets: AssetArray, panel: FloatArray) -> FloatArray:
    """Half of w'Sigma w of a panel whose draws hold assets of their own, uint32[held, 8]."""
    total = np.zeros(RUN)
    for i, own in enumerate(assets):
        below = np.zeros(RUN)
        for j in range(i):
            below += covariance[own, assets[j]] * panel[j]
        total += panel[i] * (below + 0.5 * covariance[own, own] * panel[i])
    return total


def _measure_run(
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    seed: int,
    round_: int,
    run: int,
    sizes: list[int],
) -> tuple[FloatArray, FloatArray]:
    """Return and volatility of a run."""
    n, kinds = len(mean), len(sizes)
    turn, held = run // kinds, sizes[run % kinds]
    words, panel = draw_run(seed, round_, run, held, cap)
    if held <= FEW:
        order = fill_order(seed, round_, turn // PERIOD, n)
        assets = np.stack([choose(a, b, order, held) for a, b in words.T], axis=1)
        halves = _own_halves(covariance, assets, panel)
    else:
        leader = turn // count_sharing(n, held) * count_sharing(n, held)
        order = fill_order(seed, round_, leader // PERIOD, n)
        words, _ = draw_run(seed, round_, leader * kinds + run % kinds, held, cap)
        one = choose(words[0, 0], words[1, 0], order, held)
        one = np.arange(n, dtype=np.uint32) if held == n else one
        halves = _halves(covariance, one, panel)
        assets = np.repeat(one[:, None], RUN, axis=1)
    total, expected = np.cumsum(panel, axis=0)[-1], np.zeros(RUN)
    for weights, own in zip(panel, mean[assets], strict=True):
        expected = expected + own * weights if held <= FEW else fused(own, weights, expected)
    return expected / total, np.sqrt(np.maximum(2.0 * halves, 0.0)) / total


def cloud_block(
    mean: FloatArray,
    covariance: FloatArray,
    max_weight: float,
    seed: int,
    round_: int,
    first: int,
    returns: FloatArray,
    volatilities: FloatArray,
) -> None:
    """Twin of ``cloud.cloud_block``."""
    cap = max(max_weight, 1.0 / len(mean))
    sizes = fill_sizes(len(mean), cap)
    last = first + len(returns) - 1
    runs = range(first // RUN, last // RUN + 1)
    found = [_measure_run(mean, covariance, cap, seed, round_, run, sizes) for run in runs]
    skip = first % RUN
    for out, parts in zip((returns, volatilities), zip(*found, strict=True), strict=True):
        out[:] = np.concatenate(parts)[skip : skip + len(out)]
