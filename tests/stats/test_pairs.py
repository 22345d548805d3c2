import copy
from typing import Any

import numpy as np
import pytest

from stats.pairs import PAIRS, KernelPair


def flatten(values: Any) -> list[np.ndarray]:
    values = values if isinstance(values, tuple) else (values,)
    return [np.atleast_1d(np.asarray(value)) for value in values if value is not None]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@pytest.mark.parametrize(("seed", "size"), [(1, 1), (2, 7), (3, 12), (4, 31)])
def test_a_kernel_agrees_with_its_plain_twin(pair: KernelPair, seed: int, size: int):
    fast = pair.make_arguments(seed, size)
    slow = copy.deepcopy(fast)
    got = flatten(pair.kernel(*fast)) + flatten(fast)
    with np.errstate(invalid="ignore"):
        expected = flatten(pair.twin(*slow)) + flatten(slow)
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        if pair.tolerance == 0.0:
            np.testing.assert_array_equal(a, b)
        else:
            scale = np.nanmax(np.abs(b), initial=0.0)
            np.testing.assert_allclose(a, b, rtol=0, atol=pair.tolerance * scale)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_arguments_are_a_function_of_seed_and_size(pair: KernelPair):
    first, second = pair.make_arguments(5, 6), pair.make_arguments(5, 6)
    for a, b in zip(flatten(first), flatten(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_table_compares_kernels_that_change_something():
    for pair in PAIRS:
        arguments = pair.make_arguments(2, 7)
        before = copy.deepcopy(arguments)
        result = pair.kernel(*arguments)
        changed = any(
            not np.array_equal(a, b, equal_nan=True)
            for a, b in zip(flatten(arguments), flatten(before), strict=True)
        )
        assert changed or result is not None, pair.name
