import json
import statistics
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.page import make_page
from bench.report import Report, keep_report, read_report
from bench.rows import Row, compare, format_number, format_row, make_row
from tests.bench.report_form import FORM


def make_report(*rows: Row) -> Report:
    return Report(bench="kernels", machine={"cores": "2"}, versions={"numpy": "2"}, rows=rows)


def a_row(subject: str, *runs: float, case: str = "job") -> Row:
    return make_row(case, subject, "us", [[run] for run in runs])


samples = st.lists(st.floats(0.001, 1e9), min_size=1, max_size=40)


@given(st.lists(samples, min_size=1, max_size=5))
def test_a_row_sums_up_all_samples_and_each_repetition(repetitions: list[list[float]]):
    row = make_row("job", "silverbullet", "us", repetitions)
    everything = sorted(value for one in repetitions for value in one)
    assert row.max == everything[-1]
    assert row.p50 == pytest.approx(statistics.median(everything))
    assert row.runs == pytest.approx([statistics.median(one) for one in repetitions])
    # Linear interpolation by hand, at 99 of 100 parts of the way through.
    place = 0.99 * (len(everything) - 1)
    low = int(place)
    high = min(low + 1, len(everything) - 1)
    between = everything[low] + (place - low) * (everything[high] - everything[low])
    assert row.p99 == pytest.approx(between)


@pytest.mark.parametrize("bad", [[], [[]], [[1.0], []], [[1.0, float("nan")]], [[float("inf")]]])
def test_samples_that_have_no_median_are_refused(bad: list[list[float]]):
    with pytest.raises(ValueError, match="silverbullet in job"):
        make_row("job", "silverbullet", "us", bad)


def test_ratios_are_taken_within_each_repetition():
    ours, peer = a_row("silverbullet", 1.0, 10.0, 4.0), a_row("peer", 2.0, 10.0, 16.0)
    # Medians over all would give 10 / 4 = 2.5; within the runs it is 2, 1 and 4.
    assert compare(peer, ours) == (2.0, 1.0, 4.0)


def test_a_figure_is_the_median_of_the_repetitions_and_a_tail_that_of_their_own():
    runs = [np.full(1_000, value) for value in (1.0, 2.0, 9.0)]
    row = make_row("job", "silverbullet", "us", runs)
    # Of all samples at once the p99 would be the last repetition's.
    assert (row.median, row.tail, row.p99) == (2.0, 2.0, 9.0)
    assert make_row("job", "silverbullet", "us", [[1.0], [9.0]]).tail == pytest.approx(8.92)
    assert format_row(row, [row])[1:4] == ("2.00", "1.00 to 9.00", "-")
    many = a_row("silverbullet", *range(1, 10))
    assert format_row(many, [many])[1:4] == ("5.00", "1.00 to 9.00", "2.00 to 8.00")


def test_a_ramp_that_ended_before_it_fell_behind_is_a_lower_limit_and_has_no_ratio():
    case = "Kafka, exact, JSON ticks up to which decisions keep pace"
    rows = tuple(
        make_row(case, subject, "ticks a second", [[value]])
        for subject, value in (("silverbullet", 200.0), ("relay", 100.0))
    )
    fell = {"limit of JSON, silverbullet": "fell behind 3 of 3"}
    ended = {"limit of JSON, relay": "fell behind 2 of 3 and kept pace 1 of 3"}
    other = {"limit of packed, relay": "kept pace 3 of 3"}

    def told(machine: dict[str, str]) -> str:
        return Report(bench="saturation", machine=machine, versions={}, rows=rows).to_text()

    assert "silverbullet 2.00x" in told(fell | other)
    assert "at least 100" not in told(fell | other)
    text = told(fell | ended)
    assert "at least 100" in text
    assert "2.00x" not in text


def test_rows_of_other_runs_are_not_compared():
    with pytest.raises(ValueError, match="same runs"):
        compare(a_row("peer", 1.0), a_row("silverbullet", 1.0, 2.0))
    with pytest.raises(ValueError, match="same runs"):
        compare(a_row("peer", 1.0), a_row("silverbullet", 1.0, case="another"))


def test_json_has_the_form_of_every_benchmark_and_is_read_back(tmp_path: Path):
    report = make_report(a_row("silverbullet", 1.25, 3.5), a_row("peer", 2.0, 3.0))
    found = json.loads(report.to_json())
    jsonschema.validate(found, FORM)
    assert found["rows"][0]["runs"] == [1.25, 3.5]
    path = tmp_path / "kept.json"
    path.write_text(report.to_json())
    assert read_report(path) == report


def test_a_report_is_kept_under_its_name_and_time_and_told(tmp_path: Path, capsys):
    report = make_report(a_row("silverbullet", 1.0))
    when = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    path = keep_report(report, tmp_path / "new" / "folder", when)
    assert path.name == "kernels-20260203T040506Z.json"
    assert read_report(path) == report
    assert str(path) in capsys.readouterr().err


def test_text_and_page_show_every_row_and_its_ratio():
    rows = (
        a_row("silverbullet", 2.0, 2.0, 2.0),
        a_row("peer", 3.0, 4.0, 5.0),
        a_row("relay", 1.0, 1.6, 2.0),
    )
    report = make_report(*rows)
    text, page = report.to_text(), make_page([report])
    for shown in (text, page):
        assert "cores 2" in shown
        assert "numpy 2" in shown
    assert "2.00x (1.50 to 2.50)" in text  # the peer takes as many times as ours
    assert "silverbullet 1.25x (1.00 to 2.00)" in text  # ours as many times as the floor
    assert "1.00 to 2.00" in text  # the range of the relay's own figure
    assert "| job | 2.00 (2.00 to 2.00) us | peer 2.0x; 1.2x the relay's |" in page


@given(st.floats(1e-6, 1e12))
def test_numbers_are_written_with_three_digits_that_count(value: float):
    text = format_number(value).replace(" ", "")
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=5.1e-3)
    assert np.isfinite(float(text))


@pytest.mark.parametrize(
    ("value", "text"), [(2_262_741.7, "2 260 000"), (64_857.0, "64 900"), (9.996, "10.0")]
)
def test_no_more_digits_are_written_than_count_however_large_the_number_is(value: float, text: str):
    assert format_number(value) == text


@pytest.mark.parametrize(("value", "text"), [(2.22e-16, "2.22e-16"), (-1e15, "-1.00e+15")])
def test_numbers_that_are_mostly_zeros_are_written_with_an_exponent(value: float, text: str):
    assert format_number(value) == text
