"""The page of published results: each goal with its verdict, and why it is missed where it is."""

import re
from pathlib import Path

import msgspec
import pytest

from bench.findings import REASONS
from bench.kept_results import read_kept
from bench.kernels.draw_goals import LARGE_ASSETS, LARGE_PORTFOLIOS, cloud_name, resample_name
from bench.page import make_page, split_note
from bench.pipeline.overload_goals import AGE, MEDIAN_AGE, MEMORY, SINGLE_AGE
from bench.reasons import Reason
from bench.report import Report
from bench.report_notes import NOTES
from bench.rows import Row, make_row
from bench.summary import Kept

DOCS = Path(__file__).parents[2] / "docs"
PUBLISHED = [
    *sorted((DOCS / "performance").glob("*.json")), DOCS / "performance/engines/engines.json"
]  # fmt: skip
LARGE = cloud_name(LARGE_ASSETS, LARGE_PORTFOLIOS)


def make_report(*rows: Row) -> Report:
    return Report(bench="kernels", machine={"cores": "2"}, versions={"numpy": "2"}, rows=rows)


def a_row(subject: str, *runs: float, case: str = "job") -> Row:
    return make_row(case, subject, "us", [[run] for run in runs])


def goal_lines(page: str) -> list[str]:
    """Give the rows of the tables of goals, whose second cell is the goal."""
    section = page.partition("## Goals")[2].partition("## bench")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [line for line in rows if not line.startswith("| bench |")]


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
    goals = goal_lines(page)
    assert [[cell.strip() for cell in line.split("|")[5:7]] for line in goals] == [
        ["met", "1.042x to spare"],
        ["**missed**", "by 1.091x"],
        ["met", "1.083x to spare"],
        ["met", "1.083x to spare"],
        ["**missed**", "by 1.010x"],
        ["**missed**", "by 1.20x"],
    ]
    assert "1.20x" in goals[0]
    assert "101 us" in goals[4]
    assert "10.0x" in goals[5]
    assert "1000 ticks/s, silverbullet: 120 us, of which kafka in 70.0, own part 101." in page
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
    goals = goal_lines(make_page([report]))
    assert [line.split("|")[3].strip() for line in goals] == [
        "3.10 solves",
        "9.00 solves",
        "1.20x",
        "1.02x",
    ]
    assert [[cell.strip() for cell in line.split("|")[5:7]] for line in goals] == [
        ["**missed**", "by 1.033x"],
        ["**missed**", "by 3.0x"],
        ["**missed**", "by 1.091x"],
        ["met", "1.029x to spare"],
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
        "- job: peer takes 0.25 times our time."
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
        "- Kafka, 1000 ticks/s, total: peer takes 0.25 times our time."
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


def test_the_page_says_where_each_result_is_from_and_that_they_are_not_of_one_place():
    def of(bench: str, **machine: str) -> Report:
        rows = (a_row("silverbullet", 1.0, 2.0), a_row("silverbullet", 1.0, case="gap"))
        return Report(bench=bench, machine=machine, versions={}, rows=rows)

    first = of(
        "kernels", cores="2", commit="abc+changes", processor="one", time="2026-02-03 04:05 UTC",
        broker="a mock", **{"load at start": "0.5", "load at end": "1.5"},
    )  # fmt: skip
    page = make_page([first, of("start", cores="2")])
    assert "| kernels | abc+changes | one | 2026-02-03 04:05 | 0.5, 1.5 | 2 |" in page
    assert "| start | not known | not known | not known | -, - | 2 |" in page
    assert "All of them: cores 2." in page
    told = " ".join(page.split())
    assert "of 1 commit (1 of an unknown one), each of the program as it was then" in told
    assert "then, on 2 kinds of processor" in told
    assert page.count("- Machine: broker a mock.") == page.count("- Machine:") == 1
    assert "as it was then" not in make_page([first, first])


def test_versions_are_named_once_and_those_that_differ_beside_their_results():
    def of(bench: str, **versions: str) -> Report:
        return Report(bench=bench, machine={}, versions=versions, rows=(a_row("x", 1.0),))

    page = make_page([of("kernels", numpy="2", scipy="1"), of("start", numpy="2", scipy="3")])
    told = [line for line in page.splitlines() if "Versions:" in line]
    assert told == ["Versions: numpy 2.", "- Versions: scipy 1.", "- Versions: scipy 3."]


def test_the_pipelines_on_two_brokers_have_headings_of_their_own():
    def on(broker: str) -> Report:
        row = a_row("silverbullet", 1.0, case=f"{broker}, exact, 1000 ticks/s, total")
        return Report(bench="pipeline", machine={}, versions={}, rows=(row,))

    page = make_page([on("embedded"), on("Kafka")])
    assert [line for line in page.splitlines() if line.startswith("## bench")] == [
        "## bench pipeline, embedded",
        "## bench pipeline, Kafka",
    ]


def test_goals_that_differ_in_the_number_of_assets_and_share_a_verdict_share_a_line():
    rows = []
    for n, lead in ((10, 29.0), (50, 10.0), (100, 7.5)):
        case = resample_name(n)
        rows += [a_row("silverbullet", 1.0, case=case), a_row("daqp, numpy", lead, case=case)]
    reason = Reason("kernels", f"{resample_name(50)}: the best *", "As fifty is.")
    page = make_page([make_report(*rows)], [reason])
    best = [line for line in goal_lines(page) if "best of the peers" in line]
    assert len(best) == 3  # only one of both that miss has a reason
    shared = make_page([make_report(*rows)])
    one, other = [line for line in goal_lines(shared) if "best of the peers" in line]
    assert "n assets" not in one
    assert (
        "| n = 50: 10.0x; n = 100: 7.50x (daqp, numpy) | - | **missed** | by 1.50x, 2.0x |" in other
    )


@pytest.fixture(scope="module")
def published() -> list[Kept]:
    return [read_kept(path) for path in PUBLISHED]


def test_the_published_page_is_short(published: list[Kept]):
    lines = make_page(published, REASONS).splitlines()
    assert len(lines) < 500
    told = [line for line in lines if re.match(r"- |\d+\. ", line)]
    assert [line for line in told if len(line) > 304] == []  # a bullet or a number before 300


def test_nothing_of_the_published_results_is_cut_off_in_a_terminal(published: list[Kept]):
    assert [report.bench for report in published if "…" in report.to_text()] == []


def test_the_page_in_the_documentation_is_made_from_the_reports_beside_it(published: list[Kept]):
    assert {"kernels", "pipeline"} <= {report.bench for report in published}
    assert (DOCS / "performance.md").read_text() == make_page(published, REASONS)


@pytest.mark.parametrize("note", ["One. " * 100, "word " * 200, "", "w" * 900])
def test_a_long_note_is_cut_and_nothing_of_it_lost(note: str):
    lines = list(split_note(note.strip()))
    assert all(0 < len(line) <= 300 for line in lines)
    assert "".join(lines).replace(" ", "") == note.replace(" ", "")


def test_of_several_sessions_the_newest_s_figures_are_shown_and_all_are_named():
    old, new = (
        Report(
            bench="start", versions={}, machine={"time": f"2026-11-30 0{hour}:00 UTC"},
            rows=(make_row("start, from the compile cache", "silverbullet", "s", [[value]]),),
        )
        for hour, value in ((5, 1.25), (9, 1.5))
    )  # fmt: skip
    for page in (make_page([old, new]), make_page([new, old])):
        assert page.count("## bench start") == 1
        assert page.count("2026-11-30 05:00") == page.count("2026-11-30 09:00") == 1
        section = page[page.index("## bench start") :]
        assert "1.50" in section
        assert "1.25" not in section
