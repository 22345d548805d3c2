"""What keeps the file small and every read one range of one index."""

import sqlite3
from pathlib import Path

import pytest

import storage.sqlite.append
import storage.sqlite.writer
from storage.protocol import DecisionQuery
from storage.sqlite import SqliteStore
from storage.sqlite.queries import select_asset_rows, select_decisions
from tests.factories import FIRST_ROW, SECOND_NS, make_decision, make_status
from tests.storage.backends import prune_all


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.sqlite"


def log_bytes(path: Path) -> int:
    return Path(f"{path}-wal").stat().st_size


def write(store: SqliteStore, first: int, n: int) -> None:
    for row in range(first, first + n):
        store.append([make_decision(FIRST_ROW + row, n=50)], [])


def test_the_log_stays_small_while_no_reader_holds_it(path: Path) -> None:
    with SqliteStore(path) as store:
        write(store, 0, 200)  # 40 MB of pages in all
        assert log_bytes(path) < 8e6


def test_the_log_that_a_reader_held_is_emptied_when_it_lets_go(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(storage.sqlite.writer, "WAL_LIMIT_BYTES", 2_000_000)
    with SqliteStore(path) as store:
        write(store, 0, 1)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM decision").fetchone()
        write(store, 1, 60)
        assert log_bytes(path) > 8e6
        warnings = caplog.text.count("a reader holds it")
        assert 1 <= warnings <= 4  # once, and again when it has doubled
        assert reader.execute("SELECT count(*) FROM decision").fetchone() == (1,)
        reader.close()
        write(store, 61, 150)
        assert log_bytes(path) < 8e6
        assert len(store.decisions(DecisionQuery(limit=999))) == 211


def test_one_call_of_prune_is_short_and_the_file_shrinks(path: Path) -> None:
    with SqliteStore(path) as store:
        for row in range(0, 2000, 200):
            store.append([make_decision(FIRST_ROW + k, n=20) for k in range(row, row + 200)], [])
        before_ns = (FIRST_ROW + 1900) * SECOND_NS
        assert store.prune(before_ns) == 200
        prune_all(store, before_ns)
    full = 2000 * 4_000  # bytes of payload at the least
    assert path.stat().st_size < full / 4
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    free, pages = (
        check.execute(f"PRAGMA {p}").fetchone()[0] for p in ("freelist_count", "page_count")
    )
    assert free <= pages // 3  # a quarter at the last call, of a file that it shortened
    check.close()


def test_prune_keeps_an_hour_of_status_records_at_most(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.sqlite.append, "STATUSES_KEPT", 5)
    with SqliteStore(path) as store:
        times = [(FIRST_ROW + row) * SECOND_NS for row in range(9)]
        store.append([], [make_status(time, n=1) for time in times])
        store.append([], [make_status(times[0], n=1, portfolio="other")])
        assert store.prune(0) == 0
        assert [s.time_ns for s in store.statuses(limit=99)] == times[:3:-1]
        assert len(store.statuses("other", limit=99)) == 1


@pytest.mark.parametrize("with_cloud", [False, True])
@pytest.mark.parametrize("newest_first", [False, True])
def test_every_read_is_one_range_of_an_index(
    path: Path, with_cloud: bool, newest_first: bool
) -> None:
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    query = DecisionQuery(with_cloud=with_cloud, newest_first=newest_first)
    for statement in (select_decisions(query), select_asset_rows(query)):
        values = [1] * statement.count("?")
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
        assert not any("SCAN" in step or "TEMP" in step for step in plan), plan
        assert "(row_end_ns,id)>(?,?) AND (row_end_ns,id)<(?,?)" in plan[0]
    connection.close()
