"""A decision's picture of risk and return is on one footing: the optimiser's estimates."""

import numpy as np
import pytest

from optimize.decision import Decision, decode_decision, encode_decision
from optimize.evaluate import evaluate_job
from silverbullet.portfolio import Basis, Provenance, make_decision, make_job
from silverbullet.sections import Optimize
from stats.compiled import FloatArray
from stats.moments import Moments

N, ROWS = 5, 40
NO_DRIFT = np.zeros(N)
PROVENANCE = Provenance("local", ("local-0",), False, False, "", 3, 4)


def moments(seed: int, drift: FloatArray) -> Moments:
    rng = np.random.default_rng(seed)
    returns = rng.normal(2e-4, 1e-3, (ROWS, N)) * rng.uniform(0.5, 2, N) + drift
    covariance = np.cov(returns, rowvar=False)
    return Moments(
        symbols=tuple("ABCDE"),
        prices=np.full(N, 10.0),
        mean=returns.mean(axis=0),
        covariance=covariance,
        volatility=np.sqrt(np.diag(covariance)),
        skewness=np.zeros(N),
        kurtosis=np.zeros(N),
        n_observations=ROWS,
        sample_interval_ns=10**9,
        row=7,
        last_event_time_ns=1,
        last_receive_time_ns=2,
        offsets={0: 3},
    )


def decide(seed: int, settings: Optimize, drift: FloatArray = NO_DRIFT) -> Decision:
    found = moments(seed, drift)
    job = make_job(found, settings, np.zeros(N))
    outcome = evaluate_job(job)
    basis = Basis(found, job, message_ns=1, updated_ns=2)
    decision = make_decision("main", "row", basis, outcome, PROVENANCE, None)
    return decode_decision(encode_decision(decision))


@pytest.mark.parametrize("seed", range(3))
def test_the_portfolio_follows_from_the_estimates_that_the_decision_shows(seed: int) -> None:
    decision = decide(seed, Optimize(method="exact"))
    assert decision.expected_return == pytest.approx(
        float(decision.weights @ decision.estimated_mean), rel=1e-12
    )
    assert (decision.estimated_mean != decision.mean).all()


def test_one_asset_held_alone_lies_where_the_portfolio_lies() -> None:
    # All but one lose far more than noise, so that the best portfolio is that one alone.
    decision = decide(3, Optimize(method="exact"), drift=np.array([-0.05, -0.05, 0, -0.05, -0.05]))
    assert decision.weights.tolist() == [0, 0, 1, 0, 0]
    assert decision.estimated_volatility[2] == pytest.approx(
        decision.portfolio_volatility, rel=1e-12
    )
    assert decision.estimated_mean[2] == pytest.approx(decision.expected_return, rel=1e-12)


def test_the_estimated_volatility_is_of_the_shrunk_covariance() -> None:
    decision = decide(1, Optimize(method="exact", covariance="oas"))
    sample, shrunk = decision.volatility**2, decision.estimated_volatility**2
    # OAS draws every variance towards their mean by one share, which keeps that mean.
    share = 1 - (shrunk - shrunk.mean()) / (sample - sample.mean())
    assert shrunk.mean() == pytest.approx(sample.mean(), rel=1e-12)
    np.testing.assert_allclose(share, share[0], rtol=1e-9)
    assert 0 < share[0] < 1


def test_without_estimators_both_are_the_samples() -> None:
    decision = decide(2, Optimize(method="exact", mean="sample", covariance="sample"))
    np.testing.assert_array_equal(decision.estimated_mean, decision.mean)
    np.testing.assert_allclose(decision.estimated_volatility, decision.volatility, rtol=1e-15)
