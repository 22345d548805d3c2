"""A goal is judged where its case was measured: a name that only one side knows drops it."""

from pathlib import Path

from bench.goal_tables import GOALS
from bench.goals import judge_goals
from bench.kept_results import read_kept
from bench.report import Report

DOCS = Path(__file__).parents[2] / "docs" / "performance"


def test_every_goal_of_a_benchmark_that_was_published_finds_its_cases():
    kept = [read_kept(path) for path in DOCS.glob("*.json")]
    reports = [one for one in kept if isinstance(one, Report)]
    assert GOALS.keys() <= {report.bench for report in reports}
    for bench, goals in GOALS.items():
        found = {
            verdict.goal.says
            for report in reports
            if report.bench == bench
            for verdict in judge_goals(goals, report.rows)
        }
        assert [goal.says for goal in goals if goal.says not in found] == [], bench
