"""Reasons of missed goals name figures of the published rows as these are now."""

import pytest

from bench.findings import REASONS
from bench.page import make_page
from bench.reasons import Reason, fill_figures, fill_reasons
from bench.report import Report
from bench.rows import OURS, make_row


def a_session(ours: float, theirs: float) -> Report:
    rows = (
        make_row("cloud of 10 assets", OURS, "ns", [[ours], [ours + 1], [ours + 2]]),
        make_row("cloud of 10 assets", "numpy", "ns", [[theirs]] * 3),
        make_row("cloud of 20 assets", OURS, "ns", [[100.0 * ours]]),
    )
    return Report(bench="kernels", machine={"time": f"{ours}"}, versions={}, rows=rows)


def test_a_figure_is_the_median_and_a_range_where_sessions_or_cases_differ():
    sessions = [a_session(33.0, 66.0), a_session(35.0, 66.0)]
    says = fill_figures(
        "ours {ours}, theirs {theirs}, {share} %, all {all} ns",
        {
            "ours": lambda of: of("cloud of 10 assets"),
            "theirs": lambda of: of("cloud of 10 assets", "numpy"),
            "share": lambda of: 100.0 * of("cloud of 10 assets") / of("*10 assets", "numpy"),
            "all": lambda of: of("cloud of *"),
        },
        sessions,
    )
    assert says == "ours 34 to 36, theirs 66, 52 to 55 %, all 34 to 3 500 ns"


def test_a_tail_is_that_of_the_repetitions():
    samples = [1.0] * 1900 + [7.0] * 100
    report = Report(
        bench="overload", machine={}, versions={}, rows=(make_row("solve", OURS, "ms", [samples]),)
    )
    (said,) = fill_reasons(
        [Reason("overload", "*", "{p99}", {"p99": lambda of: of("solve", tail=True)})], [report]
    )
    assert said.says == "7.0"


def test_a_reason_of_a_row_that_is_gone_is_refused_by_name():
    reason = Reason("kernels", "*", "{bound}", {"bound": lambda of: of("cloud", "bound")})
    with pytest.raises(ValueError, match="no row of bound in cloud"):
        make_page([a_session(1.0, 2.0)], [reason])


def test_a_benchmark_that_was_not_measured_needs_no_figures():
    other = Reason("ingest", "*", "{bound}", {"bound": lambda of: of("JSON", "bound")})
    page = make_page([a_session(1.0, 2.0)], [other])
    assert "## bench kernels" in page


def test_no_reason_has_a_figure_that_it_does_not_name():
    for one in REASONS:
        assert all(f"{{{name}}}" in one.says for name in one.figures), one.says
