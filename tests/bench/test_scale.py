from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.goal_tables import GOALS
from bench.goals import judge_goals
from bench.growth import (
    JSON_TICKS,
    ORDERS,
    ROW,
    TICK,
    Size,
    admission_rows,
    find_steps,
    fit_exponent,
    read_size,
    summarise,
    worst_case,
    worst_rows,
)
from bench.page import make_page
from bench.report import Report, read_report
from bench.rows import Row, make_row
from bench.scale import run_bench
from bench.scale_cases import count_draws

ALONE = "ticks a second that admission and windows alone take, without Kafka"


def rows_of(case: str, power_n: float, power_w: float, jump_at: int | None = None) -> list[Row]:
    rows = []
    for n in (10, 20, 50, 100):
        for w in (100, 1000):
            cost = 3.0 * n**power_n * w**power_w
            if jump_at is not None and n >= jump_at:
                cost *= 4.0
            runs = [[cost * noise] for noise in (1.0, 1.1, 0.9)]
            rows.append(make_row(case, Size(n, w).named(), "us a row", runs))
    return rows


@given(st.floats(0.0, 3.0), st.floats(-1.0, 1.0))
def test_a_power_law_is_found_in_each_step_and_in_the_fit(power_n: float, power_w: float):
    rows = rows_of(ROW, power_n, power_w)
    for step in find_steps(rows):
        expected = power_n if step.along == "assets" else power_w
        assert step.exponents == pytest.approx(np.full(3, expected), abs=1e-9)
    fitted = {one.along: one.fitted for one in summarise(rows)}
    assert fitted == pytest.approx({"assets": power_n, "window": power_w}, abs=1e-9)


def test_a_single_step_that_is_worse_than_its_order_is_named_and_misses_its_goal():
    good, bad = rows_of(ROW, 2.0, 0.0), rows_of(TICK, 0.0, 0.0, jump_at=50)
    rows = [*good, *bad]
    worst = {row.case: row for row in worst_rows(rows)}
    assert worst[worst_case(ROW, "assets")].p50 == pytest.approx(2.0)
    exponent = np.log(4.0) / np.log(2.5)  # from 20 to 50
    assert worst[worst_case(TICK, "assets")].p50 == pytest.approx(exponent)
    verdicts = {
        one.goal.over.case: one for one in judge_goals(GOALS["scale"], [*rows, *worst_rows(rows)])
    }
    kept = verdicts[worst_case(ROW, "assets")]
    assert (kept.outcome, kept.by()) == ("met", "0.50 to spare")
    missed = verdicts[worst_case(TICK, "assets")]
    assert (missed.outcome, missed.by()) == ("missed", f"by {exponent - 0.5:.2f}")
    (tick,) = [one for one in summarise(bad) if one.along == "assets"]
    assert (tick.worst.before.assets, tick.worst.after.assets) == (20, 50)


@pytest.mark.parametrize("subject", ["silverbullet", "2 workers", "10 assets, window", "assets"])
def test_what_is_no_size_is_left_out(subject: str):
    assert read_size(subject) is None
    assert find_steps([make_row(ROW, subject, "us", [[1.0]])]) == []


@given(st.integers(1, 10**6), st.none() | st.integers(2, 10**6))
def test_a_size_is_read_back_from_its_name(assets: int, window: int | None):
    assert read_size(Size(assets, window).named()) == Size(assets, window)


def test_a_fit_is_the_slope_of_the_logarithms():
    assert fit_exponent([1, 10, 100], [5.0, 50.0, 500.0]) == pytest.approx(1.0)


def test_ticks_a_second_of_admission_alone_are_told_as_such():
    (row,) = admission_rows(
        [make_row(JSON_TICKS, "10 assets, window 100", "ns", [[200.0], [100.0]])]
    )
    assert (row.case, row.unit) == (f"JSON {ALONE}", "ticks a second")
    assert row.runs == pytest.approx((5e6, 1e7))
    page = make_page([Report(bench="scale", machine={}, versions={}, rows=(row,))])
    assert "They are no rate of the pipeline" in page
    assert not [line for line in page.splitlines() if line[:1] == "|" and "saturation" in line]


def test_all_steps_are_measured_at_all_sizes_and_shown(tmp_path: Path):
    report = run_bench(
        seconds=0.001, repetitions=3, assets=(3, 6), windows=(20, 40), output=tmp_path
    )
    subjects: dict[str, set[str]] = {}
    for row in report.rows:
        subjects.setdefault(row.case, set()).add(row.subject)
    grid = {Size(n, w).named() for n in (3, 6) for w in (20, 40)}
    for case in ORDERS:
        assert subjects[case] in (grid, {"3 assets", "6 assets"})
        assert worst_case(case, "assets") in subjects
    for form in ("JSON", "packed"):
        assert subjects[f"{form} {ALONE}"] == grid
    assert subjects["resample decision of 1024 draws of 6 assets"] == {"1 worker", "2 workers"}
    assert [count_draws(n) for n in (10, 499, 500, 999, 1000)] == [1024, 1024, 128, 128, 64]
    assert all(min(row.runs) > 0 for row in report.rows if row.unit != "exponent")
    assert read_report(next(tmp_path.glob("scale-*.json"))) == report
    page = make_page([report])
    assert page.count("O(n^2)") == 2  # a row and a cloud; both at two sizes
    assert "exponent at most 2 + 0.5" in page
