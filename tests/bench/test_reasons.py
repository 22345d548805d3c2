"""Reasons of missed goals name figures of the published rows as these are now."""

from pathlib import Path

import msgspec
import pytest

from bench.findings import REASONS
from bench.kept_results import read_kept
from bench.page import main
from bench.reasons import Reason, fill_reason
from bench.report import Report
from bench.rows import OURS, make_row

DOCS = Path(__file__).parents[2] / "docs/performance"


def a_session(ours: float, theirs: float | None) -> Report:
    rows = [
        make_row("cloud of 10 assets", OURS, "ns", [[ours], [ours + 1], [ours + 2]]),
        make_row("cloud of 20 assets", OURS, "ns", [[100.0 * ours]]),
    ]
    if theirs is not None:
        rows.append(make_row("cloud of 10 assets", "numpy", "ns", [[theirs]] * 3))
    return Report(bench="kernels", machine={"time": f"{ours}"}, versions={}, rows=tuple(rows))


def test_a_figure_is_the_median_and_a_range_where_sessions_or_cases_differ():
    reason = Reason(
        "kernels", "*", "ours {ours}, theirs {theirs}, {share} %, all {all} ns",
        {
            "ours": lambda of: of("cloud of 10 assets"),
            "theirs": lambda of: of("cloud of 10 assets", "numpy"),
            "share": lambda of: 100.0 * of("cloud of 10 assets") / of("*10 assets", "numpy"),
            "all": lambda of: of("cloud of *"),
        },
    )  # fmt: skip
    filled = fill_reason(reason, [a_session(33.0, 66.0), a_session(35.0, 66.0)])
    assert filled.says == "ours 34 to 36, theirs 66, 52 to 55 %, all 34 to 3 500 ns"


def test_a_share_is_of_the_rows_of_one_session():
    reason = Reason(
        "kernels", "*", "{share} %",
        {"share": lambda of: 100.0 * of("cloud of 10 assets") / of("*10 assets", "numpy")},
    )  # fmt: skip
    sessions = [a_session(33.0, 34.0), a_session(67.0, None)]
    assert fill_reason(reason, sessions).says == "100 %"


def test_a_tail_is_that_of_the_repetitions():
    samples = [1.0] * 1900 + [7.0] * 100
    rows = (make_row("solve", OURS, "ms", [samples]),)
    report = Report(bench="overload", machine={}, versions={}, rows=rows)
    reason = Reason("overload", "*", "{p99}", {"p99": lambda of: of("solve", tail=True)})
    assert fill_reason(reason, [report]).says == "7.0"


@pytest.mark.parametrize("reports", [[], [a_session(1.0, 2.0)]])
def test_a_reason_of_a_row_that_is_gone_is_refused(reports: list[Report]):
    reason = Reason("kernels", "*", "{bound}", {"bound": lambda of: of("cloud", "bound")})
    with pytest.raises(ValueError, match="a reason of a missed goal names"):
        fill_reason(reason, reports)


def test_a_result_alone_has_a_page_without_the_rows_of_others():
    page = main([str(DOCS / "pipeline-embedded.json")])
    assert "## bench pipeline, embedded" in page


def test_a_page_without_a_row_that_a_reason_names_ends_in_one_line(tmp_path: Path):
    kernels = read_kept(DOCS / "kernels.json")
    assert isinstance(kernels, Report)
    rows = tuple(row for row in kernels.rows if row.subject != "bound")
    kept = tmp_path / "kernels.json"
    kept.write_text(msgspec.structs.replace(kernels, rows=rows).to_json())
    with pytest.raises(SystemExit, match="a reason of a missed goal names bound in tick moments"):
        main([str(kept)])


def test_no_reason_has_a_figure_that_it_does_not_name():
    for one in REASONS:
        assert all(f"{{{name}}}" in one.says for name in one.figures), one.says
