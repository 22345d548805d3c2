import json
import sys
from pathlib import Path

import pytest

from bench import pipeline, session
from bench.attribution import SPANS, STAGES
from bench.pipeline import run_bench
from bench.report import read_report
from bench.session import RunError
from cluster.process import spawn
from tests.descendants import descendants
from tests.integration.commands import until

RATE = 200


def test_a_short_bench_gives_rows_of_both_contenders_and_leaves_nothing_behind(tmp_path: Path):
    before = descendants()
    report = run_bench(1.0, 1, tmp_path, rates=(RATE,), prefer_real_time=False)
    until(lambda: descendants() <= before, "its processes to be gone", 5.0)
    rows = {(row.case, row.subject): row for row in report.rows}
    for stage in (*STAGES, *SPANS):
        ours = rows[f"{RATE} ticks/s, {stage}", "silverbullet"]
        assert ours.unit == "us"
        assert 0 <= ours.p50 <= ours.p99 <= ours.max < 60e6
        assert ours.runs == (ours.p50,)
    relayed = {case.split(", ")[1] for case, subject in rows if subject == "relay"}
    assert set(SPANS) | {"generator lag", "kafka in", "kafka out"} <= relayed
    assert relayed.isdisjoint({"solve", "wait", "update"})
    for subject in ("silverbullet", "relay"):
        total, own, made = (
            rows[f"{RATE} ticks/s, {span}", subject] for span in ("total", "own part", "made")
        )
        assert own.p50 < made.p50 < total.p50
        # No contender can send more often than ticks come, nor hardly ever.
        assert 1 < rows[f"{RATE} ticks/s, messages out", subject].p50 < 2 * RATE
    assert rows[f"{RATE} ticks/s, size of a message out", "relay"].p50 == pytest.approx(
        2000, abs=50
    )
    (kept,) = tmp_path.glob("pipeline-*.json")
    assert read_report(kept) == report
    assert json.loads(report.to_json())["machine"]["scheduling"] == "normal"
    assert "not Kafka's" in report.to_text()


def test_a_contender_that_ends_is_named_with_its_last_words(tmp_path: Path, monkeypatch, capsys):
    def die(_bootstrap: str, _topics: session.Topics, log_path: Path):
        program = "print('no such kernel'); raise SystemExit(3)"
        return spawn([sys.executable, "-c", program], name="relay", log_path=log_path)

    monkeypatch.setattr(session, "SUBJECTS", {"relay": die})
    monkeypatch.setattr(pipeline, "SUBJECTS", {"relay": die})
    with pytest.raises(RunError, match="no run at 100 ticks/s"):
        run_bench(0.1, 1, tmp_path, rates=(100,), prefer_real_time=False)
    told = capsys.readouterr().err
    assert "exit code 3" in told
    assert "no such kernel" in told
    assert not list(tmp_path.glob("*.json"))
