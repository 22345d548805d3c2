"""Reasons stand on the published page alone, and each goal that is missed there has one."""

from pathlib import Path

import pytest

from bench.findings import REASONS
from bench.kept_results import read_kept
from bench.kernels.draw_goals import LARGE_ASSETS, LARGE_PORTFOLIOS, cloud_name
from bench.page import make_page
from bench.reasons import Reason, find_reason
from bench.report import Report
from bench.rows import make_row
from bench.summary import Line, summarise_goals

DOCS = Path(__file__).parents[2] / "docs/performance"
LARGE = cloud_name(LARGE_ASSETS, LARGE_PORTFOLIOS)


def a_report(takes: float) -> Report:
    rows = tuple(
        make_row(LARGE, subject, "ns a portfolio", [[value]])
        for subject, value in (("silverbullet", takes), ("x", 1e6))
    )
    return Report(bench="kernels", machine={}, versions={}, rows=rows)


def test_a_reason_stands_where_its_goal_is_missed_and_nowhere_else():
    def page_of(takes: float, *reasons: Reason) -> str:
        return make_page([a_report(takes)], reasons)

    reason = Reason("kernels", f"{LARGE}: *", "It counts on its fingers.")
    other = Reason("scale", f"{LARGE}: *", "It runs.")
    assert "1. It counts on its fingers." in page_of(2e5, other, reason)
    assert "| by 2.0x | 1 |" in page_of(2e5, other, reason)
    for page in (page_of(5e4, reason), page_of(2e5), page_of(2e5, other)):
        assert "fingers" not in page
        assert "Why they" not in page


def test_a_user_s_terminal_shows_no_reasons():
    told = " ".join(a_report(2e5).to_text().split())
    assert "missed" in told
    assert [one for one in REASONS if " ".join(one.says.split()[:4]) in told] == []


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    paths = [*DOCS.glob("*.json"), DOCS / "engines/engines.json"]
    return summarise_goals([read_kept(path) for path in paths])


def test_each_published_goal_that_is_missed_or_not_decided_has_a_reason(lines: list[Line]):
    left = [line for line in lines if line.outcome != "met"]
    assert left
    assert [
        (line.bench, line.goal) for line in left
        if not find_reason(REASONS, line.bench, line.goal)
    ] == []  # fmt: skip


def test_each_reason_is_needed(lines: list[Line]):
    left = [(line.bench, line.goal) for line in lines if line.outcome != "met"]
    needed = [find_reason(REASONS, bench, goal) for bench, goal in left]
    assert [one for one in REASONS if one not in needed] == []
