"""The parts of kernels that are timed alone are those of the kernels, and are told beside them."""

import numpy as np
import pytest

from bench.contest import check_case
from bench.kernels import stage_cases
from bench.kernels.covariance_cases import COVARIANCE_CASES, push_alone
from bench.kernels.draw_cases import DRAW_CASES
from bench.kernels.solver_peers import nnls_max_sharpe
from bench.kernels.stage_cases import make_drawn
from bench.machine import single_thread
from bench.page_drift import drift_figures
from bench.page_figures import where_time_goes
from bench.report import Report
from bench.rows import OURS, Row, make_row
from bench.stages import KERNEL_STAGES, find_breakdowns


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with single_thread():
        yield


def row(case: str, value: float, subject: str = OURS, unit: str = "us a draw") -> Row:
    return make_row(case, subject, unit, [np.array([value])])


def test_every_part_is_of_a_case_that_is_measured_and_stands_beside_it():
    parts = stage_cases.stage_cases((50,))
    wholes = {make().name for make in (*DRAW_CASES, *COVARIANCE_CASES)}
    found = find_breakdowns("kernels", [row(name, 9.0) for name in sorted(wholes)]
                            + [row(part.name, 2.0) for part in parts])  # fmt: skip
    assert sum(len(one.stages) for one in found) == len(parts)
    assert {name for one in found for name, _ in one.stages} == set(KERNEL_STAGES)


def test_the_page_says_what_a_draws_time_is_made_of():
    whole = "draw and solve from the posterior of 50 assets"
    rows = (row(whole, 10.0), row(f"{whole}, normals", 3.0), row(f"{whole}, solve", 4.0))
    report = Report(bench="kernels", notes=(), machine={}, versions={}, rows=rows)
    assert where_time_goes(report)[-1] == (
        f"- {whole}, silverbullet: 10.0 us a draw, of which normals 3.00, solve 4.00."
    )


@pytest.mark.parametrize("n", [10, 50])
def test_parts_of_a_draw_do_what_a_draw_does(n: int):
    one = make_drawn(n)
    out = np.empty((n, n))
    stage_cases.repeat_covariances(one.columns, out)
    expected = one.columns[-1].T @ one.columns[-1]
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    stage_cases.repeat_solves(one.start, one.means, one.covariances, one.work)
    optimum = nnls_max_sharpe(one.means[-1], one.covariances[-1])
    np.testing.assert_allclose(one.work[2], optimum, rtol=0, atol=1e-9)


def test_a_part_can_be_run_again_and_again():
    for part in stage_cases.stage_cases((10,)):
        check_case(part)
        check_case(part)


def test_pushing_alone_reads_nothing():
    call, rows = push_alone(10)
    assert rows == 256
    before = call().copy()
    np.testing.assert_array_equal(call(), before)


def drift(tape: str, measure: str, subject: str, worst: float) -> Row:
    return row(f"drift of the {measure}, {tape} tape", worst, subject, "of the bound")


def test_drift_stands_beside_that_of_others():
    rows = [
        drift("iid", "variance", OURS, 0.687),
        drift("iid", "variance", "bottleneck", 42.36),
        drift("trend", "covariance", OURS, 0.08436),
        drift("trend", "covariance", "add_evict", 130_543.5),
        drift("glitch", "kurtosis", "add_evict", 1e15),
    ]
    lines = drift_figures(rows, "10 000 000")
    assert lines[0].startswith("Largest drift after 10 000 000 updates, in bounds")
    assert lines[2] == "| measure, tape | silverbullet | bottleneck | add_evict |"
    assert "| variance, iid | 0.69 | 42 | - |" in lines
    assert "| covariance, trend | 0.084 | - | 1e+05 |" in lines
    assert "| kurtosis, glitch | - | - | no number |" in lines
    assert drift_figures([row("cloud", 1.0)], "") == []
