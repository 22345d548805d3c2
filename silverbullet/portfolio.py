"""From the windows' statistics to a job of draws, and from its result to a decision."""

from typing import NamedTuple

import numpy as np

from optimize.decision import Curve, Decision, StageTimes, decision_digest, decision_id
from optimize.evaluate import Outcome
from optimize.job import DrawJob
from silverbullet.sections import Optimize
from stats.compiled import FloatArray
from stats.estimators import bayes_stein, oas, oas_and_bayes_stein
from stats.moments import Moments

# Fixed between decisions: near inputs then give near weights. With fresh numbers each time a
# 0.1 % change of the means turned over 0.053 of the portfolio, with fixed ones 0.0002.
ROUND = 0


class Basis(NamedTuple):
    """What a decision under way is made from."""

    moments: Moments
    job: DrawJob
    message_ns: int
    updated_ns: int


class Provenance(NamedTuple):
    """Where and when a job was evaluated; nothing of it changes the portfolio."""

    engine: str
    peers: tuple[str, ...]
    degraded: bool
    late: bool
    reason: str
    submitted_ns: int
    solved_ns: int


def make_job(moments: Moments, settings: Optimize, start_weights: FloatArray) -> DrawJob:
    """Estimate and describe the draws of the setting's method."""
    mean, covariance, count = moments.mean, moments.covariance, moments.n_observations
    match settings.mean, settings.covariance:
        case "bayes_stein", "oas":
            mean, covariance = oas_and_bayes_stein(mean, covariance, count)
        case "bayes_stein", _:
            mean = bayes_stein(mean, covariance, count)
        case _, "oas":
            covariance = oas(covariance, count)
    return DrawJob(
        kind=settings.method,
        mean=mean,
        covariance=covariance,
        n_observations=moments.n_observations,
        objective=settings.objective,
        max_weight=settings.max_weight,
        start_weights=start_weights,
        n_draws=1 if settings.method == "exact" else settings.n_draws,
        block_size=settings.block_size,
        seed=settings.seed,
        round=ROUND,
    )


def carry_weights(previous: Decision | None, symbols: tuple[str, ...]) -> FloatArray:
    """Give each symbol its previous weight, scaled to sum to 1; zeros where there is none."""
    if previous is not None and previous.symbols == symbols:
        carried: FloatArray = previous.weights
        return carried
    weights = np.zeros(len(symbols))
    if previous is not None:
        held = dict(zip(previous.symbols, previous.weights, strict=True))
        weights = np.array([held.get(symbol, 0.0) for symbol in symbols])
        total = float(weights.sum())
        if total > 0:
            weights = weights / total
    weights.setflags(write=False)
    return weights


def _digest(portfolio: str, basis: Basis, outcome: Outcome) -> str:
    moments, job = basis.moments, basis.job
    return decision_digest(
        texts=(portfolio, job.kind, job.objective, *moments.symbols),
        integers=(
            moments.row,
            moments.n_observations,
            moments.sample_interval_ns,
            job.n_draws,
            job.block_size,
            job.seed,
            job.round,
        ),
        vectors=(
            (job.max_weight,),
            moments.prices,
            moments.mean,
            moments.skewness,
            moments.kurtosis,
            job.mean,
            job.start_weights,
            outcome.weights,
            outcome.weight_stddev,
            (outcome.expected_return, outcome.volatility, outcome.optimality_gap),
        ),
        # Not the estimated covariance: it follows from the sample's and n_observations.
        covariance=moments.covariance,
    )


def _volatility(job: DrawJob) -> FloatArray:
    volatility: FloatArray = np.sqrt(job.covariance.diagonal())
    volatility.setflags(write=False)
    return volatility


def make_decision(
    portfolio: str,
    trigger: str,
    basis: Basis,
    outcome: Outcome,
    provenance: Provenance,
    curves: tuple[Curve, Curve] | None,
) -> Decision:
    """Write down a portfolio, what it was made from, and how.

    Parameters
    ----------
    curves
        Cloud and frontier where they are due, else None.
    """
    moments, job = basis.moments, basis.job
    reasons = [] if outcome.status == "optimal" else [outcome.status]
    if not reasons and job.objective == "max_sharpe" and outcome.expected_return <= 0.0:
        # The optimum has a positive one, but the mean of so uncertain draws' weights has not.
        reasons = ["the draws disagree so much that their average has no positive expected return"]
    return Decision(
        id=decision_id(portfolio, moments.row, moments.offsets),
        portfolio=portfolio,
        trigger=trigger,
        method=job.kind,
        objective=job.objective,
        row=moments.row,
        row_end_ns=(moments.row + 1) * moments.sample_interval_ns,
        sample_interval_ns=moments.sample_interval_ns,
        n_observations=moments.n_observations,
        symbols=moments.symbols,
        prices=moments.prices,
        weights=outcome.weights,
        weight_stddev=outcome.weight_stddev,
        start_weights=job.start_weights,
        mean=moments.mean,
        volatility=moments.volatility,
        estimated_mean=job.mean,
        estimated_volatility=_volatility(job),
        skewness=moments.skewness,
        kurtosis=moments.kurtosis,
        expected_return=float(outcome.expected_return),
        portfolio_volatility=float(outcome.volatility),
        sharpe=outcome.sharpe,
        sharpe_stddev=outcome.sharpe_stddev,
        optimality_gap=float(outcome.optimality_gap),
        n_draws=job.n_draws if job.kind != "exact" else 0,
        seed=job.seed,
        round=job.round,
        engine=provenance.engine,
        peers=provenance.peers,
        degraded=provenance.degraded,
        late=provenance.late,
        reason="; ".join(reasons),
        engine_reason=provenance.reason,
        times=StageTimes(
            event_ns=moments.last_event_time_ns,
            message_ns=basis.message_ns,
            received_ns=moments.last_receive_time_ns,
            updated_ns=basis.updated_ns,
            submitted_ns=provenance.submitted_ns,
            solved_ns=provenance.solved_ns,
            published_ns=provenance.solved_ns,
        ),
        offsets={str(partition): offset for partition, offset in moments.offsets.items()},
        digest=_digest(portfolio, basis, outcome),
        cloud=curves[0] if curves else None,
        frontier=curves[1] if curves else None,
    )
