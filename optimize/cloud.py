"""Random long-only portfolios: the cloud of the risk-return picture.

Weights are symmetric Dirichlet draws whose concentration goes round 1, 1/2, 1/4 ... to between
1/(4 n) and 1/(8 n) by draw index, so that the middle, the edges and the corners are all
reached: at 1 and 100 assets no weight comes near 0.1, at 1/512 one asset has almost all.
Gamma(a) of a < 1 is Gamma(a + 1) U^(1/a); with a = 2^-k the power is k squarings.
"""

import numpy as np

from optimize.gamma import fill_gammas
from optimize.normal import centred_uniform
from optimize.philox import CLOUD, CLOUD_POWERS, fill_stream
from stats.compiled import FloatArray, kernel


@kernel
def count_concentrations(n: int) -> int:
    """Give how many concentrations the draws go round: k with 2^(k - 1) just above 4 n."""
    k = 1
    while 2 ** (k - 1) <= 4 * n:
        k += 1
    return k


@kernel
def draw_dirichlet(seed: int, round_: int, draw: int, weights: FloatArray) -> None:
    """Fill float64[n] with a symmetric Dirichlet draw of concentration 2^-(draw mod k)."""
    n = weights.shape[0]
    kinds = count_concentrations(n)
    squarings = draw % kinds
    concentration = 1.0
    for _ in range(squarings):
        concentration *= 0.5
    fill_gammas(seed, round_, draw, CLOUD, np.full(n, 1.0 + concentration), weights)
    words = np.empty((2, n), np.uint64)
    fill_stream(seed, round_, draw, CLOUD_POWERS, 0, 0, words[0], words[1])
    total = 0.0
    for k in range(n):
        power = centred_uniform(words[0, k]) + 0.5
        for _ in range(squarings):
            power *= power
        # No denormals: some machines flush them to zero, and then bits differ.
        weights[k] = weights[k] * power if power > 1e-200 else 0.0
        total += weights[k]
    if total > 0.0:
        for k in range(n):
            weights[k] /= total
    else:
        weights[draw // kinds % n] = 1.0


@kernel
def cut_to_cap(cap: float, weights: FloatArray) -> None:
    """Cut weights to the cap and deal what is over in proportion to the room left below it."""
    over, room = 0.0, 0.0
    for k in range(weights.shape[0]):
        if weights[k] > cap:
            over += weights[k] - cap
            weights[k] = cap
        else:
            room += cap - weights[k]
    if over > 0.0 and room > 0.0:
        share = min(over / room, 1.0)
        for k in range(weights.shape[0]):
            weights[k] = min(weights[k] + (cap - weights[k]) * share, cap)


@kernel
def measure_cloud(
    mean: FloatArray,
    covariance: FloatArray,
    columns: FloatArray,
    returns: FloatArray,
    volatilities: FloatArray,
) -> None:
    """Fill return and volatility of the portfolios in the columns of float64[n, count].

    All portfolios at once, from the lower triangle: half the products, and each covariance is
    read once a block.
    """
    n, count = columns.shape
    below = np.empty(count)
    returns[:] = 0.0
    volatilities[:] = 0.0
    for i in range(n):
        below[:] = 0.0
        row, own = covariance[i], columns[i]
        whole = i // 4 * 4
        for j in range(0, whole, 4):
            p, q, r, s = row[j], row[j + 1], row[j + 2], row[j + 3]
            w0, w1, w2, w3 = columns[j], columns[j + 1], columns[j + 2], columns[j + 3]
            for d in range(count):
                below[d] = below[d] + ((p * w0[d] + q * w1[d]) + (r * w2[d] + s * w3[d]))
        for j in range(whole, i):
            p, w0 = row[j], columns[j]
            for d in range(count):
                below[d] += p * w0[d]
        for d in range(count):
            volatilities[d] += own[d] * (2.0 * below[d] + row[i] * own[d])
            returns[d] += own[d] * mean[i]
    for d in range(count):
        volatilities[d] = np.sqrt(max(volatilities[d], 0.0))


@kernel
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
    """Fill return and volatility of random portfolios ``first`` and following."""
    n, count = mean.shape[0], returns.shape[0]
    cap = max(max_weight, 1.0 / n)
    columns, weights = np.empty((n, count)), np.empty(n)
    for d in range(count):
        draw_dirichlet(seed, round_, first + d, weights)
        cut_to_cap(cap, weights)
        for k in range(n):
            columns[k, d] = weights[k]
    measure_cloud(mean, covariance, columns, returns, volatilities)
