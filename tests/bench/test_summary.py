"""One line a goal: what a soak's slope says of an hour, and what nobody measured."""

import pytest

from bench import summary
from bench.goal_tables import GOALS
from bench.report import Report
from bench.rows import format_number, make_row
from bench.soak.report import SoakReport
from bench.soak.trends import Trend
from bench.summary import Line, count_apart, judge_report, not_measured, summarise_goals
from bench.verdicts import Outcome


def a_trend(slope: float, half: float, process: str = "run", measure: str = "RSS") -> Trend:
    return Trend(
        process=process, measure=measure, unit="MiB", first_quarter=200.0, last_quarter=201.0,
        slope=slope, slope_error=half / 2.0, low=slope - half, high=slope + half, verdict="steps",
    )  # fmt: skip


def a_soak(*trends: Trend, minutes: float = 30.0) -> SoakReport:
    return SoakReport(
        machine={}, versions={}, minutes=minutes, warm_up_s=300.0, ticks_a_second=1000.0,
        decisions=1, refused_answers=0, trends=trends,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slope", "half", "outcome", "by"),
    [
        (1.5, 0.1, "met", "0.50 MiB to spare"),
        (2.1, 0.2, "not decided", "median 0.10 MiB short"),
        # Of so short a look nothing is known, though it may be flat.
        (4.11, 4.48, "not decided", "median 2.1 MiB short"),
        (1.9, 0.2, "not decided", "median 0.10 MiB to spare"),
        (0.5, 1.0, "met", "1.5 MiB to spare"),
        # In the 25 minutes that were watched 1.25 MiB, which a shorter look would call a step.
        (3.0, 0.1, "missed", "by 1.0 MiB"),
        (-5.0, 1.0, "met", "7.0 MiB to spare"),
    ],
)
def test_memory_is_judged_by_what_an_hour_would_add(
    slope: float, half: float, outcome: str, by: str
):
    _, line = judge_report(a_soak(a_trend(slope, half)))
    assert line.of_our_own
    assert (line.outcome, line.by) == (outcome, by)
    assert "slope over 25 minutes, extrapolated" in line.goal


def test_an_hour_that_was_watched_is_not_extrapolated_and_only_our_parts_are_judged():
    parts = [a_trend(0.0, 0.0, name) for name in ("simulate", "Kafka", "serve")]
    other = a_trend(9.0, 0.1, measure="threads")
    for line in judge_report(a_soak(*parts, other, minutes=65.0)):
        assert "memory of serve" in line.goal
        assert "(slope over 60 minutes)" in line.goal


@pytest.mark.parametrize(
    ("slope", "half", "minutes", "outcome", "by"),
    [
        (0.5, 0.2, 65.0, "missed", "by 0.30 MiB"),
        (0.5, 0.2, 30.0, "missed", "by 0.30 MiB"),
        (0.5, 0.6, 65.0, "met", "0.10 MiB to spare"),
        (0.0, 0.0, 65.0, "met", "0 MiB to spare"),
        (-0.5, 0.2, 65.0, "met", "0.70 MiB to spare"),
        # So short a look that shows no growth shows none of an hour.
        (0.5, 0.6, 30.0, "not decided", "watched for less"),
    ],
)
def test_any_growth_that_is_no_chance_misses_the_goal_of_none(
    slope: float, half: float, minutes: float, outcome: str, by: str
):
    line, _ = judge_report(a_soak(a_trend(slope, half), minutes=minutes))
    assert not line.of_our_own
    assert "memory of run: does not grow over an hour" in line.goal
    assert (line.outcome, line.by) == (outcome, by)
    assert line.spread == f"{format_number(slope - half)} to {format_number(slope + half)}"


def test_goals_of_no_result_that_differ_in_the_number_of_assets_are_told_together():
    report = Report(
        bench="start", machine={}, versions={},
        rows=(make_row("start, from the compile cache", "silverbullet", "s", [[1.0]]),),
    )  # fmt: skip
    left = not_measured([report])
    assert set(left) == GOALS.keys() - {"start"}
    numbagg = [says for says in left["kernels"] if "numbagg takes at least 43x" in says]
    assert len(numbagg) == 1
    assert numbagg[0].startswith("covariance of n assets, window 1000, read every 10 rows")
    assert numbagg[0].endswith("(n of 50, 100)")
    told = sum(1 + says.count(",", says.find("(n of ")) if "(n of " in says else 1
               for says in left["kernels"])  # fmt: skip
    assert told == len(GOALS["kernels"])
    assert summary.not_measured([]).keys() == GOALS.keys()


def a_session(hour: int, ms: float) -> Report:
    runs = {"relay": [[1.0]] * 6, "silverbullet": [[ms + 0.01 * k] for k in range(6)]}
    rows = [
        make_row("Kafka, exact, 1000 ticks/s, total", who, "ms", one) for who, one in runs.items()
    ]
    return Report(
        bench="pipeline", machine={"time": f"2026-11-30 {hour:02d}:00 UTC"}, versions={},
        rows=tuple(rows),
    )  # fmt: skip


def relay_line(*sessions: Report) -> Line:
    (line,) = (one for one in summarise_goals(sessions) if "p50 at most 1.25x" in one.goal)
    return line


def test_a_goal_that_sessions_judge_differently_is_not_decided_and_shows_both():
    missed, met = a_session(9, 1.5), a_session(5, 1.17)
    line = relay_line(met, missed)
    assert line.outcome == "not decided"
    assert line.by == "sessions disagree"
    assert line.measured == "1.52x"
    assert line.spread == "1.50 to 1.55 (another session 1.17 to 1.22)"
    assert relay_line(missed, met) == line


def test_sessions_that_agree_leave_the_newest_s_line_as_it_is():
    newest = a_session(9, 1.15)
    assert relay_line(a_session(5, 1.18), newest, a_session(6, 1.1)) == relay_line(newest)
    (third,) = (one for one in summarise_goals([newest, a_session(6, 1.5), a_session(5, 1.1)])
                if "p50 at most 1.25x" in one.goal)  # fmt: skip
    assert third.spread.endswith("(other sessions 1.50 to 1.55, 1.10 to 1.15)")


def test_goals_of_our_own_are_counted_apart():
    def line(bench: str, outcome: Outcome) -> Line:
        return Line(bench, "a goal", "1", "-", outcome, "by 1")

    mixed = [line("kernels", "met"), line("scale", "missed"), line("kernels", "not decided")]
    own = [line("soak", "not decided"), line("engines", "met")]
    told = count_apart([*mixed, *(one._replace(of_our_own=True) for one in own)])
    assert "1 met, 1 missed and 1 not decided of 3 goals" in told
    assert "1 met, 0 missed and 1 not decided of 2 goals that we set ourselves" in told
    assert "ourselves" not in count_apart(mixed)
