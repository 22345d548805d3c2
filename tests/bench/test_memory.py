import sys
from pathlib import Path

import pytest

from bench.memory import peak_mib, run_bench
from bench.report import read_report
from bench.soak.parts import PARTS
from cluster.process import spawn
from tests.descendants import descendants
from tests.integration.commands import until

TAKE_AND_GIVE_BACK = """
block = b"x" * (200 * 2**20)
del block
print("ready", flush=True)
import sys, threading
threading.Event().wait(60)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_the_peak_counts_what_was_given_back_since(tmp_path: Path):
    log = tmp_path / "log"
    child = spawn([sys.executable, "-c", TAKE_AND_GIVE_BACK], name="taker", log_path=log)
    try:
        until(lambda: "ready" in log.read_text(), "it to have taken memory", 20.0)
        assert 200 < peak_mib(child.pid) < 300
    finally:
        child.terminate(1.0)


def test_all_parts_are_loaded_and_their_peaks_read(tmp_path: Path):
    before = descendants()
    report = run_bench(seconds=2.0, assets=(5,), output=tmp_path)
    until(lambda: descendants() <= before, "its processes to be gone", 5.0)
    rows = {row.case: row for row in report.rows}
    for part in PARTS:
        row = rows[f"peak memory of {part}, 5 assets"]
        assert row.unit == "MiB"
        assert 20 < row.p50 < 2000
    assert rows["decisions, 5 assets"].p50 > 0
    assert read_report(next(tmp_path.glob("memory-*.json"))) == report
