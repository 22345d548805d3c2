from datetime import datetime
from pathlib import Path

import pytest

from bench.case_names import FROM_CACHE
from bench.goal_tables import GOALS
from bench.goals import judge_goals
from bench.report import read_report
from bench.run_error import RunError
from bench.stages import START_STAGES, find_breakdowns
from bench.start import EMPTY, NO_BYTECODE, find_stages, make_rows, run_bench
from tests.descendants import descendants
from tests.integration.commands import until

LOG = """\
2026-03-01 12:00:02,500 INFO kernels ready after 1.25 s
2026-03-01 12:00:02,600 WARNING jobs go to local now
2026-03-01 12:00:03,000 INFO reading ticks at 127.0.0.1:9092
"""


def test_stages_follow_one_another_and_add_up_to_the_whole():
    begun_ns = int(datetime(2026, 3, 1, 12, 0, 0).timestamp()) * 10**9
    later = [begun_ns + round(1e9 * s) for s in (3.1, 3.4, 3.5)]
    stages = find_stages(begun_ns, LOG, *later)
    assert stages == pytest.approx([1.25, 1.25, 0.5, 0.1, 0.3, 0.1], abs=1e-6)
    assert len(stages) == len(START_STAGES)
    whole, *parts = make_rows("start", [stages, stages])
    assert whole.runs == pytest.approx((3.5, 3.5), abs=1e-6)
    (found,) = find_breakdowns("start", [whole, *parts])
    assert [name for name, _ in found.stages] == list(START_STAGES)
    assert sum(value for _, value in found.stages) == pytest.approx(found.total)


def test_what_another_process_compiled_counts_as_kernels_not_as_imports():
    begun_ns = int(datetime(2026, 3, 1, 11, 59, 40).timestamp()) * 10**9
    later = [begun_ns + round(1e9 * s) for s in (23.1, 23.4, 23.5)]
    compiled = "2026-03-01 12:00:01,250 INFO kernels compiled after 20.00 s\n"
    stages = find_stages(begun_ns, compiled + LOG, *later)
    assert stages == pytest.approx([1.25, 21.25, 0.5, 0.1, 0.3, 0.1], abs=1e-6)


@pytest.mark.parametrize("log", ["", LOG.splitlines()[0], LOG.splitlines()[2]])
def test_a_log_that_does_not_say_when_is_refused(log: str):
    with pytest.raises(RunError, match="does not say"):
        find_stages(0, log, 1, 2, 3)


def test_a_start_is_timed_to_its_first_decision_and_leaves_nothing_behind(tmp_path: Path):
    before = descendants()
    report = run_bench(repetitions=1, cold=0, output=tmp_path)
    until(lambda: descendants() <= before, "its processes to be gone", 5.0)
    cases = {row.case: row for row in report.rows}
    assert EMPTY not in cases  # none was asked for
    for base in (FROM_CACHE, NO_BYTECODE):
        stages = [cases[f"{base}, {stage}"].p50 for stage in START_STAGES]
        assert sum(stages) == pytest.approx(cases[base].p50)
        assert all(seconds > -0.01 for seconds in stages)  # the log says it to a millisecond
        assert 0.3 < cases[base].p50 < 120.0
    (verdict,) = judge_goals(GOALS["start"], report.rows)
    assert verdict.value == cases[FROM_CACHE].median
    assert read_report(next(tmp_path.glob("start-*.json"))) == report
