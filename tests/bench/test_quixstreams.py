"""What quixstreams is given to do, without it: its environment is its own."""

from pathlib import Path

import numpy as np
import pytest

from bench import peer_environment
from bench.brokers import Broker
from bench.case_names import EMBEDDED, KAFKA
from bench.peer_environment import NoEnvironmentError, peer_python, quix_python
from bench.pipeline.contenders import QUIX_PYPFOPT, make_contenders
from bench.pipeline.quix_loop import LEAST_ROWS, ROW_NS, ROWS_A_YEAR, Portfolio, unpack
from ingest.codec import encode_packed


def test_a_packed_history_is_read_as_it_was_written():
    names, ids = ["A", "B/USDT", "C"], [2, 0, 1, 1]
    prices, times = [1.5, 2.25, 1e-9, 7.0], [1, 2, 3, 2**60]
    expected = [(names[i], p, t) for i, p, t in zip(ids, prices, times, strict=True)]
    assert unpack(encode_packed(names, ids, prices, times)) == expected


def test_it_solves_the_problem_of_its_rows():
    rng = np.random.default_rng(3)
    steps = 1e-3 * rng.standard_normal((LEAST_ROWS + 20, 4)) + 2e-4
    prices = 100.0 * np.exp(np.cumsum(steps, axis=0))
    portfolio = Portfolio()
    for row, of_row in enumerate(prices):
        for place, price in enumerate(of_row):
            # Twice in a row: the last one counts.
            for factor in (1.01, 1.0):
                portfolio.take(f"S{place}", price * factor, row * ROW_NS + place + 1)
        if row < LEAST_ROWS:
            assert portfolio.weights() is None
    weights = np.array(portfolio.weights())
    returns = np.diff(np.log(prices), axis=0)
    mean, covariance = returns.mean(axis=0), np.cov(returns, rowvar=False)

    def sharpe(w: np.ndarray) -> float:
        return float(mean @ w / np.sqrt(w @ covariance @ w))

    assert weights.sum() == pytest.approx(1.0, abs=1e-6)
    others = rng.dirichlet(np.ones(4), 2000)
    assert sharpe(weights) >= max(map(sharpe, others)) - 1e-4
    assert ROWS_A_YEAR * ROW_NS == 365 * 86_400 * 10**9


def test_it_is_measured_where_it_can_be():
    contender = make_contenders(["exact"], libraries=False, quix_python=Path("python"))[-1]
    kafka, embedded = Broker(KAFKA, "a:1", ""), Broker(EMBEDDED, "a:1", "")
    assert contender.subject == QUIX_PYPFOPT
    assert contender.takes_part(kafka, 100)
    assert not contender.takes_part(kafka, 1000)
    assert not contender.takes_part(embedded, 100)
    assert all(one.takes_part(embedded, 1e6) for one in make_contenders(["exact"], libraries=True))


def test_an_environment_that_cannot_be_is_told_and_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(peer_environment.platformdirs, "user_cache_dir", lambda _: str(tmp_path))
    with pytest.raises(NoEnvironmentError, match=r"no-such-package==1\.0 could not"):
        peer_python(("no-such-package==1.0",))
    monkeypatch.setattr(peer_environment, "peer_python", _refuse)
    assert quix_python() is None
    assert "quixstreams is left out: no disk" in capsys.readouterr().err


def _refuse() -> Path:
    raise NoEnvironmentError("no disk")
