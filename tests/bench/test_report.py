import json
import statistics
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.page import make_page, read_kept
from bench.pipeline.overload_goals import AGE, MEDIAN_AGE, MEMORY, SINGLE_AGE
from bench.report import Report, keep_report, read_report
from bench.report_notes import NOTES
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
    assert "at least" not in told(fell | other).partition("Program")[0]
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
    for text in (report.to_text(), make_page([report])):
        lines = {row.subject: row for row in rows}
        assert set(lines) <= set(text.replace("|", " ").split())
        assert "2.00x (1.50 to 2.50)" in text  # the peer takes as many times as ours
        assert "silverbullet 1.25x (1.00 to 2.00)" in text  # ours as many times as the floor
        assert "1.00 to 2.00" in text  # the range of the relay's own figure
        assert "cores 2" in text
        assert "numpy 2" in text


def test_the_page_says_of_each_goal_whether_it_is_met():
    def case(name: str, subject: str, value: float) -> Row:
        return a_row(subject, value, case=f"Kafka, exact, {name}")

    report = Report(
        bench="pipeline",
        machine={},
        versions={},
        rows=(
            case("1000 ticks/s, kafka in", "silverbullet", 70.0),
            case("1000 ticks/s, total", "silverbullet", 120.0),
            case("1000 ticks/s, total", "relay", 100.0),
            case("1000 ticks/s, total", "PyPortfolioOpt", 1200.0),
            case("20000 ticks/s, total", "silverbullet", 120.0),
            case("20000 ticks/s, total", "relay", 100.0),
            case("1000 ticks/s, own part", "silverbullet", 101.0),
        ),
    )
    page = make_page([report])
    goals = [line for line in page.splitlines() if line.startswith("| pipeline |")]
    assert [[cell.strip() for cell in line.split("|")[5:7]] for line in goals] == [
        ["met", "4.2 % to spare"],
        ["missed", "by 9.1 %"],
        ["met", "8.3 % to spare"],
        ["met", "8.3 % to spare"],
        ["missed", "by 1.0 %"],
        ["missed", "by 20 %"],
    ]
    assert "1.20x" in goals[0]
    assert "101 us" in goals[4]
    assert "10.0x" in goals[5]
    assert "1000 ticks/s, silverbullet: 120 us, of which kafka in 70.0." in page
    assert "not Kafka's" in page


def test_the_page_judges_an_overload_by_every_quarter_and_by_single_ages():
    rows = (
        make_row(MEDIAN_AGE, "silverbullet", "solves", [[1.9], [3.1], [1.9], [1.9]]),
        make_row(SINGLE_AGE, "silverbullet", "solves", [[1.0, 2.0, 9.0]] * 4, with_histogram=True),
        # One quarter in the middle stands out: the last is no older than the first.
        make_row(AGE, "silverbullet", "ms", [[50.0], [60.0], [51.0], [50.0]]),
        make_row(MEMORY, "silverbullet", "MiB", [[200.0], [204.0], [202.0], [202.0]]),
    )
    report = Report(bench="overload", machine={}, versions={}, rows=rows)
    goals = [line for line in make_page([report]).splitlines() if line.startswith("| overload |")]
    assert [line.split("|")[3].strip() for line in goals] == [
        "3.10 solves",
        "9.00 solves",
        "1.20x",
        "1.02x",
    ]
    assert [[cell.strip() for cell in line.split("|")[5:7]] for line in goals] == [
        ["missed", "by 3.3 %"],
        ["missed", "by 3.0x"],
        ["missed", "by 9.1 %"],
        ["met", "2.9 % to spare"],
    ]


def test_the_page_names_who_is_quicker_but_not_the_floor():
    rows = (
        a_row("silverbullet", 4.0),
        a_row("peer", 1.0),
        a_row("other", 5.0),
        a_row("relay", 2.0),
    )
    page = make_page([make_report(*rows)])
    assert [line for line in page.splitlines() if "times our time" in line] == [
        "- job: peer takes 0.250 times our time."
    ]
    assert "Quicker than" not in make_page([make_report(rows[0], rows[2], rows[3])])


def test_the_page_calls_nobody_quicker_by_what_is_no_time_or_by_a_stage():
    def case(name: str, unit: str) -> list[Row]:
        return [
            make_row(f"Kafka, 1000 ticks/s, {name}", subject, unit, [[value]])
            for subject, value in (("silverbullet", 4.0), ("peer", 1.0))
        ]

    rows = [
        *case("generator lag", "us"),
        *case("solve", "us"),
        *case("messages out", "a second"),
        *case("size of a message out", "bytes"),
        *case("total", "us"),
    ]
    report = Report(bench="pipeline", machine={}, versions={}, rows=tuple(rows))
    assert [line for line in make_page([report]).splitlines() if "times our time" in line] == [
        "- Kafka, 1000 ticks/s, total: peer takes 0.250 times our time."
    ]


def test_a_result_is_read_by_its_own_notes_and_an_older_one_by_todays_called_so(tmp_path: Path):
    old = make_report(a_row("silverbullet", 1.0))
    page = make_page([old])
    assert NOTES["kernels"][0] in page
    assert "This result keeps no notes" in page
    kept = msgspec.structs.replace(old, notes=("Measured with a sundial.",))
    path = tmp_path / "kept.json"
    path.write_text(kept.to_json())
    page = make_page([read_kept(path)])
    assert "- Measured with a sundial." in page
    assert NOTES["kernels"][0] not in page
    assert "keeps no notes" not in page


def test_the_page_prints_the_commit_of_each_result():
    known = msgspec.structs.replace(
        make_report(a_row("silverbullet", 1.0)), machine={"cores": "2", "commit": "abc+changes"}
    )
    page = make_page([known, make_report(a_row("silverbullet", 1.0))])
    assert page.count("- Program: commit abc+changes.\n- Machine: cores 2.") == 1
    assert page.count("- Program: commit not known.") == 1


def test_the_page_in_the_documentation_is_made_from_the_reports_beside_it():
    docs = Path(__file__).parents[2] / "docs"
    paths = [
        *sorted((docs / "performance").glob("*.json")),
        docs / "performance/engines/engines.json",
    ]
    reports = [read_kept(path) for path in paths]
    assert {"kernels", "pipeline"} <= {report.bench for report in reports}
    assert (docs / "performance.md").read_text() == make_page(reports)


@given(st.floats(1e-6, 1e12))
def test_numbers_are_written_with_three_digits_that_count(value: float):
    text = format_number(value).replace(" ", "")
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=5.1e-3)
    assert np.isfinite(float(text))


@pytest.mark.parametrize(("value", "text"), [(2.22e-16, "2.22e-16"), (-1e15, "-1.00e+15")])
def test_numbers_that_are_mostly_zeros_are_written_with_an_exponent(value: float, text: str):
    assert format_number(value) == text
