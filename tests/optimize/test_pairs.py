import copy
from typing import Any

import numpy as np
import pytest

from optimize import plain
from optimize.pair_exchange import freeze, solve_estimates
from optimize.pairs import PAIRS
from stats.pairs import KernelPair
from tests.optimize.problems import dense


def flatten(values: Any) -> list[np.ndarray]:
    values = values if isinstance(values, tuple) else (values,)
    return [np.atleast_1d(np.asarray(value)) for value in values if value is not None]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@pytest.mark.parametrize(
    ("seed", "size"),
    [(1, 1), (2, 7), (3, 12), (4, 31), (5, 50), (6, 16), (7, 17), (8, 24), (9, 33)],
)
def test_a_kernel_has_the_bits_of_its_plain_twin(pair: KernelPair, seed: int, size: int):
    fast = pair.make_arguments(seed, size)
    slow = copy.deepcopy(fast)
    got = flatten(pair.kernel(*fast)) + flatten(fast)
    with np.errstate(all="ignore"):
        expected = flatten(pair.twin(*slow)) + flatten(slow)
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_kernel_of_the_table_changes_or_returns_something(pair: KernelPair):
    arguments = pair.make_arguments(2, 7)
    before = copy.deepcopy(arguments)
    result = pair.kernel(*arguments)
    changed = [
        not np.array_equal(a, b, equal_nan=True)
        for a, b in zip(flatten(arguments), flatten(before), strict=True)
    ]
    assert any(changed) or result is not None


@pytest.mark.parametrize("cap", [1.0, 0.02])
@pytest.mark.parametrize("warm", [False, True])
def test_a_solver_that_moves_many_assets_together_has_the_bits_of_its_plain_twin(cap, warm):
    mean, covariance = map(freeze, dense(7, 200))
    fast = np.arange(200) % 2 / 100 if warm else np.zeros(200)
    slow = fast.copy()
    got = solve_estimates(True, mean, covariance, cap, fast)
    assert got == plain.solve_estimates(True, mean, covariance, cap, slow)
    np.testing.assert_array_equal(fast, slow)
