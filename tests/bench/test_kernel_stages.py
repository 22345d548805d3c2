"""The parts of kernels that are timed alone are those of the kernels, and are told beside them."""

import copy

import numpy as np
import pytest

from bench.case_names import PART
from bench.contest import Case
from bench.kernels import stage_cases, tick_stages
from bench.kernels.covariance_cases import COVARIANCE_CASES, push_alone
from bench.kernels.covariance_stages import covariance_stages, write_stage
from bench.kernels.draw_cases import DRAW_CASES, cloud_case, resample_case
from bench.kernels.solver_peers import nnls_max_sharpe
from bench.kernels.stage_cases import make_drawn
from bench.kernels.tick_cases import TICK_CASES
from bench.kernels.tick_names import N_ASSETS
from bench.machine import single_thread
from bench.page_drift import drift_figures
from bench.page_figures import where_time_goes
from bench.report import Report
from bench.rows import OURS, Row, make_row
from bench.stages import KERNEL_STAGES, find_breakdowns
from optimize.cloud import cloud_block
from optimize.posterior import solve_bartlett
from optimize.simplex import RUN
from stats.tick_blocks import SUFFIXES
from stats.tick_rings import COUNT


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with single_thread():
        yield


def row(case: str, value: float, subject: str = OURS, unit: str = "us a draw") -> Row:
    return make_row(case, subject, unit, [np.array([value])])


def test_every_part_is_of_a_case_that_is_measured_and_stands_beside_it():
    parts = [*stage_cases.stage_cases((50,)), *covariance_stages(), *tick_stages.tick_stages()]
    wholes = {make().name for make in (*DRAW_CASES, *COVARIANCE_CASES, *TICK_CASES)}
    found = find_breakdowns("kernels", [row(name, 9.0) for name in sorted(wholes)]
                            + [row(part.name, 2.0) for part in parts])  # fmt: skip
    assert sum(len(one.stages) for one in found) == len(parts)
    # A part of what draws hold is solved for from 200 assets on.
    assert {name for one in found for name, _ in one.stages} == set(KERNEL_STAGES) - {PART}


@pytest.mark.parametrize(("solve", "rest"), [(4.0, ", rest 3.00"), (6.6, ""), (8.0, "")])
def test_the_page_says_what_a_draws_time_is_made_of(solve: float, rest: str):
    whole = "draw and solve from the posterior of 50 assets"
    rows = (row(whole, 10.0), row(f"{whole}, normals", 3.0), row(f"{whole}, solve", solve))
    report = Report(bench="kernels", notes=(), machine={}, versions={}, rows=rows)
    assert where_time_goes(report)[-1] == (
        f"- {whole}, silverbullet: 10.0 us a draw, of which normals 3.00, solve {solve:.2f}{rest}."
    )


def run(part: Case) -> np.ndarray:
    (alone,) = part.contenders
    arguments = alone.make_arguments()
    return alone.result(alone.call(*arguments), arguments)


@pytest.mark.parametrize("n", [10, 50])
def test_the_parts_of_a_draw_make_what_the_kernel_makes_of_it(n: int):
    one, parts = make_drawn(n), stage_cases.draw_stages(n)
    normals, gammas, factor, covariance, weights = (run(part) for part in parts)
    drawn = np.empty((n, n))
    solve_bartlett(one.factor, one.scale, np.sqrt(2.0 * gammas), normals, drawn)
    np.testing.assert_array_equal(drawn, one.columns[-1])
    np.testing.assert_array_equal(factor, drawn)
    np.testing.assert_array_equal(covariance, one.covariances[-1])
    expected = drawn.T @ drawn
    np.testing.assert_allclose(covariance, expected, rtol=0, atol=1e-12 * expected.max())
    optimum = nnls_max_sharpe(one.means[-1], covariance)
    np.testing.assert_allclose(weights, optimum, rtol=0, atol=1e-9)

    ours = resample_case(n).contenders[0]
    *problem, _, _, mean, _ = ours.make_arguments()
    ours.call(*problem, len(one.means) - 1, 1, mean, np.zeros(n))  # the last draw alone
    np.testing.assert_array_equal(weights, mean)


def test_the_part_of_a_large_draw_makes_what_the_kernel_makes_of_it():
    ours = resample_case(500).contenders[0]
    *problem, _, _, mean, _ = ours.make_arguments()
    stages = stage_cases.draw_stages(500)
    ours.call(*problem, len(stage_cases.make_drawn(500).means) - 1, 1, mean, np.zeros(500))
    np.testing.assert_array_equal(run(stages[-1]), mean)


def test_the_weights_of_a_cloud_are_those_that_the_kernel_draws():
    *problem, first, returns, volatilities = cloud_case(50).contenders[0].make_arguments()
    cloud_block(*problem, first, returns, volatilities)
    _, n, sizes, words, panel = stage_cases.cloud_stage(50).contenders[0].make_arguments()
    stage_cases.repeat_weights(1, n, sizes, words, panel)
    held = panel.reshape(-1, RUN)[:50]  # the first run's portfolios hold all assets
    np.testing.assert_allclose(problem[0] @ held / held.sum(axis=0), returns[:RUN], rtol=1e-12)


def test_pushing_alone_reads_nothing():
    call, rows = push_alone(10)
    assert rows == 256
    before = call().copy()
    np.testing.assert_array_equal(call(), before)


def test_writing_alone_writes_both_triangles_of_what_one_row_gives():
    part = write_stage(50, 1)
    _, merger, scale, _, vectors, matrices = part.contenders[0].make_arguments()
    matrices[:] = np.nan
    y = vectors[merger, :50]
    for found in run(part):
        np.testing.assert_array_equal(found, np.outer(y, y) * scale)


def test_the_parts_of_a_tick_make_what_its_window_makes():
    tape = tick_stages.rolling_tape()
    window = tape.make_window()
    tick_stages.note_rebuilt(window, tape)
    expected = window.read(np.arange(N_ASSETS)).table
    push, add, rebuild, merge = tick_stages.stages_of("", tape)
    made = push.contenders[0].make_arguments()
    push.contenders[0].call(*made)
    for pushed, array in zip(made[4:7], window.arrays[:3], strict=True):
        np.testing.assert_array_equal(pushed, array)
    np.testing.assert_array_equal(run(add), window.arrays[4])
    found = run(merge)
    np.testing.assert_array_equal(found, np.tile(expected, found.shape[1] // N_ASSETS))
    assert np.isfinite(run(rebuild)).all()


@pytest.mark.parametrize("newest", [1, 10])
def test_adding_and_making_anew_alone_leave_the_sums_that_a_read_leaves(newest: int):
    tape, made = tick_stages.on_demand_tape(), []
    window = tape.make_window()
    for first in range(0, len(tape.inbox[1]), newest * N_ASSETS):
        batch = tuple(one[..., first : first + newest * N_ASSETS] for one in tape.inbox)
        alone = copy.deepcopy(window)
        alone.push(*batch, 0, len(batch[1]))
        read_once = tape._replace(inbox=batch, every=len(batch[1]))
        made.append(tick_stages.note_rebuilt(window, read_once))
        _, ring, times, ticks_i, sums, inverses = alone.arrays
        tick_stages.repeat_rebuilds(made[-1], ring, times, ticks_i, inverses, sums)
        tick_stages.repeat_additions(1, N_ASSETS, newest, ring, ticks_i, inverses, sums)
        expected = window.arrays[4]
        np.testing.assert_array_equal(sums[:, SUFFIXES:], expected[:, SUFFIXES:])
        built = made[-1][made[-1][:, tick_stages.BUILDS] == 1, tick_stages.ASSET]
        kept = np.setdiff1d(np.arange(N_ASSETS), built)  # others add all ticks from the pivot on
        newest_sums = window.arrays[3][kept, COUNT] & 1
        np.testing.assert_array_equal(sums[kept, newest_sums], expected[kept, newest_sums])
    counts = np.concatenate(made)[:, [tick_stages.FINDS, tick_stages.BUILDS, tick_stages.OPENS]]
    assert (counts.sum(axis=0) > 5).all()


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
    assert lines[0].startswith("Largest drift after 10 000 000 updates, as a multiple of")
    assert "1 or less: rounding alone, no drift" in lines[0]
    assert lines[2] == "| measure, tape | silverbullet | bottleneck | add_evict |"
    assert "| variance, iid | 0.69 | 42 | - |" in lines
    assert "| covariance, trend | 0.084 | - | 1e+05 |" in lines
    assert "| kurtosis, glitch | - | - | no number |" in lines
    assert drift_figures([row("cloud", 1.0)], "") == []
