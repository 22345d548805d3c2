"""A writer killed in the middle: what it acknowledged is there, what it did not is whole or not."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from storage.protocol import DecisionQuery
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, make_symbols

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("batches", [1, 5, pytest.param(40, marks=pytest.mark.long)])
def test_kill_9_in_the_middle_of_an_append(tmp_path: Path, batches: int) -> None:
    path = tmp_path / "decisions.sqlite"
    acknowledged: list[str] = []
    for life in range(4):
        command = [sys.executable, "-m", "tests.storage.writer_process", f"sqlite:{path}"]
        writer = subprocess.Popen(
            [*command, str(FIRST_ROW + 10_000 * life)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(batches + life):
            acknowledged += writer.stdout.readline().split()
        # No wait: it is somewhere inside the next append.
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.stdout.read().split()
        assert writer.wait(30) == -signal.SIGKILL

        with SqliteStore(path) as store:
            everything = DecisionQuery(limit=10**6)
            kept = [decision.id for decision in store.decisions(everything)]
            assert set(acknowledged) <= set(kept)
            assert len(kept) - len(acknowledged) <= 4 * (life + 1)
            for symbol in make_symbols(20):
                rows = store.asset_history(symbol, everything)
                assert [row.decision_id for row in rows] == kept
            assert len(store.statuses(limit=10**6)) * 4 == len(kept)
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()
