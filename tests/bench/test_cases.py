from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.contest import Case, Contender, WrongResultError, check_case
from bench.kernels import benchmark
from bench.kernels.benchmark import measure_kernels, without_missing
from bench.kernels.covariance_cases import COVARIANCE_CASES
from bench.kernels.draw_cases import DRAW_CASES
from bench.kernels.pair_cases import PAIRS, pair_cases
from bench.kernels.solver_cases import SOLVER_CASES
from bench.kernels.tick_cases import TICK_CASES
from bench.machine import single_thread
from bench.rows import OURS

CASES = (*TICK_CASES, *COVARIANCE_CASES, *SOLVER_CASES, *DRAW_CASES)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with single_thread():
        yield


def off_by(value: Any, share: float) -> Any:
    """Spoil a result as a contender would that computes something a little else."""
    if isinstance(value, (tuple, list)):
        parts = [None if one is None else off_by(one, share) for one in value]
        return type(value)(parts) if type(value) in (tuple, list) else value
    return np.asarray(value, np.float64) * (1.0 + share)


@pytest.mark.parametrize("make", CASES, ids=lambda make: f"{CASES.index(make)}")
def test_contenders_of_a_case_agree_and_a_wrong_one_is_found(make: Callable[[], Case]):
    case = make()
    assert case.contenders[0].subject == OURS
    assert len(case.contenders) > 1
    check_case(case)
    last = case.contenders[-1]
    wrong = replace(last, result=lambda found, made: off_by(last.result(found, made), 0.2))
    with pytest.raises(WrongResultError, match="does not do what silverbullet does"):
        check_case(replace(case, contenders=(case.contenders[0], wrong)))


def test_every_pair_of_the_tables_is_measured_beside_its_twin():
    cases = pair_cases(size=5)
    assert len(cases) == len(PAIRS) > 25
    for case in cases:
        assert [contender.subject for contender in case.contenders] == [OURS, "numpy twin"]
        check_case(case)


def test_rows_of_measured_cases_are_sane():
    cases = [
        case for case in pair_cases(size=5) if case.name.startswith(("add_products,", "find_twin"))
    ]
    rows = measure_kernels(cases, 0.001, 2)
    assert [(row.case, row.subject) for row in rows] == [
        (case.name, contender.subject) for case in cases for contender in case.contenders
    ]
    for row in rows:
        assert 0 < row.p50 <= row.p99 <= row.max
        assert len(row.runs) == 2


def test_a_peer_that_is_not_installed_is_left_out_and_named(monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "is_installed", lambda module: module != "polars")
    contenders = tuple(
        Contender(subject, len, lambda: ("",), lambda value, _: value)
        for subject in (OURS, "polars, four moments", "scipy NNLS", "numpy twin")
    )
    kept = without_missing(Case("job", "us a call", contenders, lambda first, other: ""))
    assert [one.subject for one in kept.contenders] == [OURS, "scipy NNLS", "numpy twin"]
    assert "polars is missing" in capsys.readouterr().err
