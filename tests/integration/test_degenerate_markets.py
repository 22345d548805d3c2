"""Markets without a proper optimum: a finite, valid portfolio, and the reason on the decision."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.integration.playing import closes_file, play_file, walk

METHODS = ("exact", "resample")
OBJECTIVES = ("max_sharpe", "min_variance")


def constant() -> np.ndarray:
    return np.tile([5.0, 70.0, 0.25], (60, 1))


def one_asset() -> np.ndarray:
    return walk(1, 60, seed=1)


def fewer_rows_than_assets() -> np.ndarray:
    return walk(60, 40, seed=2)


def twins() -> np.ndarray:
    prices = walk(3, 80, seed=3, drift=2e-3)
    return np.column_stack([prices[:, 0], prices[:, 0], prices[:, 1]])


def multiples() -> np.ndarray:
    prices = walk(2, 80, seed=3, drift=2e-3)
    return np.column_stack([prices[:, 0], 8.0 * prices[:, 0], prices[:, 1]])


def all_falling() -> np.ndarray:
    return walk(4, 80, seed=4, drift=-0.02)


def one_constant_among_falling() -> np.ndarray:
    return np.column_stack([np.full(80, 3.0), walk(2, 80, seed=5, drift=-0.02)])


def one_tiny_one_huge() -> np.ndarray:
    return walk(2, 80, seed=6) * np.array([1e-14, 1e12])


def all_constant_but_one_jump() -> np.ndarray:
    prices = constant()
    prices[40:, 1] *= 1000.0
    return prices


class Market(NamedTuple):
    """A market, and a word of the reason under each objective (none where empty)."""

    make: Callable[[], np.ndarray]
    max_sharpe: str
    min_variance: str


MARKETS = (
    Market(constant, "no asset has any variance", "no asset has any variance"),
    Market(one_asset, "one asset", "one asset"),
    Market(fewer_rows_than_assets, "no more rows than assets", "no more rows than assets"),
    Market(twins, "two assets move together", "two assets move together"),
    Market(multiples, "two assets move together", "two assets move together"),
    Market(all_falling, "no portfolio has a positive expected return", ""),
    Market(one_constant_among_falling, "no portfolio has a positive expected return", ""),
    Market(one_tiny_one_huge, "", ""),
    Market(all_constant_but_one_jump, "", ""),
)


def numbers(value: Any) -> Iterator[float]:
    """Find every number in a value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


# The exact solve sees the singular sample covariance, the draws also its regular estimate.
@pytest.mark.parametrize(
    ("method", "covariance"), [("exact", "sample"), ("resample", "sample"), ("resample", "oas")]
)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.make.__name__)
def test_the_portfolio_is_finite_and_valid_and_says_why(
    market: Market, objective: str, method: str, covariance: str, tmp_path: Path
) -> None:
    path = closes_file(tmp_path / "closes.csv", market.make())
    chosen = {"method": method, "objective": objective, "covariance": covariance, "n_draws": 64}
    decision = play_file(path, optimize=chosen)["decision"]
    weights = np.array(list(decision["weights"].values()))
    assert len(weights) == market.make().shape[1]
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights.min() >= 0
    assert all(math.isfinite(number) for number in numbers(decision))
    assert decision["optimality_gap"] >= 0
    # OAS gives two equal assets a covariance of full rank: with it the split is no accident.
    expected = market.max_sharpe if objective == "max_sharpe" else market.min_variance
    if covariance == "sample" or expected != "two assets move together":
        assert expected in decision["reason"]


@pytest.mark.parametrize("method", METHODS)
def test_a_cap_below_one_over_n_is_raised_with_the_reason(method: str, tmp_path: Path) -> None:
    path = closes_file(tmp_path / "closes.csv", walk(4, 60, seed=7))
    decision = play_file(path, optimize={"method": method, "max_weight": 0.1})["decision"]
    assert list(decision["weights"].values()) == pytest.approx([0.25] * 4, abs=1e-12)
    assert "cap raised to 1/n" in decision["reason"]


def test_twins_get_equal_statistics(tmp_path: Path) -> None:
    path = closes_file(tmp_path / "closes.csv", twins())
    decision = play_file(path)["decision"]
    for field in ("mean", "volatility", "skewness", "kurtosis"):
        assert decision[field]["COIN0"] == decision[field]["COIN1"]


def test_constant_prices_have_no_shape(tmp_path: Path) -> None:
    path = closes_file(tmp_path / "closes.csv", constant())
    decision = play_file(path)["decision"]
    assert set(decision["skewness"].values()) == {None}
    assert set(decision["volatility"].values()) == {0.0}
    assert decision["sharpe"] is None
    assert list(decision["weights"].values()) == pytest.approx([1 / 3] * 3)
