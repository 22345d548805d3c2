"""A job of draws: all that its blocks depend on, and nothing else."""

from typing import Final, Literal

import msgspec

from stats.compiled import FloatArray

Objective = Literal["max_sharpe", "min_variance"]
Kind = Literal["exact", "resample", "cloud", "frontier"]
CURVES: Final[tuple[Kind, Kind]] = ("cloud", "frontier")
"""Kinds whose result is a picture: nothing is traded by it."""


class DrawJob(msgspec.Struct, frozen=True, gc=False):
    """What a block of draws is computed from; equal jobs give equal bits anywhere.

    Attributes
    ----------
    kind
        ``exact`` (one block, no draws), ``resample``, ``cloud`` or ``frontier`` (one block).
    mean, covariance
        float64[n], float64[n, n]: the estimates, per sampling interval.
    n_observations
        Rows the estimates were made from; sets the posterior's spread.
    objective, max_weight
        What is optimised, and the cap of each weight in (0, 1].
    start_weights
        float64[n], where solves begin: the previous weights, or zeros for a cold start.
    n_draws, block_size
        Draws (of a frontier: points) in all and in a block; the last block may be short.
    seed, round
        Key of the counter-based generator. The round stays fixed between decisions, so that
        near inputs give near weights.
    """

    kind: Kind
    mean: FloatArray
    covariance: FloatArray
    n_observations: int
    objective: Objective
    max_weight: float
    start_weights: FloatArray
    n_draws: int
    block_size: int
    seed: int
    round: int

    @property
    def n_assets(self) -> int:
        """Assets in the portfolio."""
        return len(self.mean)

    @property
    def n_blocks(self) -> int:
        """Blocks the draws are cut into; at least one."""
        return max(1, -(-self.n_draws // self.block_size))


class BlockResult(msgspec.Struct, frozen=True, gc=False):
    """What one block of draws found; merged in the order of ``block``.

    Attributes
    ----------
    block
        Index of the block.
    count
        Draws in it.
    weight_mean, weight_m2
        float64[n]: mean of the draws' weights and sum of squared deviations from it.
    sharpe_mean, sharpe_m2
        The same of the draws' own Sharpe ratios; NaN where a draw's portfolio has no volatility,
        and for a ``cloud`` or ``frontier``.
    cloud_return, cloud_volatility
        float64[count] of the portfolios of a ``cloud`` or ``frontier`` block under the
        estimates, else empty.
    exchanges
        Pair exchanges made by all solves of the block.
    """

    block: int
    count: int
    weight_mean: FloatArray
    weight_m2: FloatArray
    sharpe_mean: float
    sharpe_m2: float
    cloud_return: FloatArray
    cloud_volatility: FloatArray
    exchanges: int
