"""Files that are not as they should be: each names what, where and the remedy."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import pytest

import storage.sqlite.file
from storage.protocol import DecisionQuery, StoreError
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, make_decision, make_status

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.sqlite"


def fill(path: Path, n_decisions: int = 30) -> None:
    with SqliteStore(path) as store:
        store.append([make_decision(FIRST_ROW + row, n=20) for row in range(n_decisions)], [])


def let_others_in(folder: Path) -> None:
    """Open the folders of this run of tests to other users, up to the one that all runs share."""
    for part in (folder, *folder.parents):
        part.chmod(0o755)
        if part.name.startswith("pytest-of-"):
            return


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody for a while where the tests run as root, who may write anywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/x.sqlite.*does not exist.*mkdir -p .*nowhere"):
        SqliteStore(tmp_path / "nowhere" / "x.sqlite")


def test_the_program_s_own_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    path = Path(platformdirs.user_data_dir("silverbullet")) / "decisions.sqlite"
    fill(path, 1)
    assert path.exists()


def test_a_folder_or_a_file_where_the_other_should_be(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="this is a folder"):
        SqliteStore(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file is not a folder"):
        SqliteStore(tmp_path / "file" / "x.sqlite")


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_unwritable_folder(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    let_others_in(tmp_path)
    folder.chmod(mode)
    try:
        with without_rights(), pytest.raises(StoreError, match=r"locked.*(right|denied)"):
            SqliteStore(folder / "x.sqlite")
    finally:
        folder.chmod(0o755)


def test_a_file_that_only_others_may_write(path: Path) -> None:
    fill(path, 1)
    let_others_in(path.parent)
    path.chmod(0o444)
    with without_rights(), pytest.raises(StoreError, match=r"no permission to write.*right"):
        SqliteStore(path)


@pytest.mark.parametrize("read_only", [False, True])
def test_not_a_database(path: Path, read_only: bool) -> None:
    path.write_text("time,price\n" * 1000)
    with pytest.raises(StoreError, match=r"not a SQLite database.*storage.path"):
        SqliteStore(path, read_only=read_only)
    assert path.read_text().startswith("time,price")


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TABLE songs (name TEXT)", "another program.*songs"),
        ("PRAGMA application_id = 77", "another program"),
    ],
)
def test_a_database_of_another_program(
    path: Path, read_only: bool, statement: str, words: str
) -> None:
    other = sqlite3.connect(path)
    other.execute(statement)
    other.close()
    with pytest.raises(StoreError, match=words):
        SqliteStore(path, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_of_a_newer_version(path: Path, read_only: bool) -> None:
    fill(path, 1)
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 7")
    newer.close()
    with pytest.raises(StoreError, match=r"version 7.*knows 1"):
        SqliteStore(path, read_only=read_only)


def test_the_writer_waits_for_the_disk_at_each_commit(path: Path) -> None:
    with SqliteStore(path) as store:
        connection = store._writer._connection
        settings = ("synchronous", "journal_mode", "auto_vacuum", "secure_delete")
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in settings]
    assert found == [2, "wal", 2, 0]  # 2: FULL and INCREMENTAL


def test_an_empty_file_is_taken_as_new(path: Path) -> None:
    path.touch()
    reader = SqliteStore(path, read_only=True)
    assert reader.decisions(DecisionQuery()) == []
    fill(path, 2)
    assert len(reader.decisions(DecisionQuery())) == 2
    reader.close()


def test_a_damaged_file(path: Path) -> None:
    fill(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x5a" * (size - 4096))
    with SqliteStore(path) as store:
        for use in (
            lambda: store.decisions(DecisionQuery()),
            lambda: store.append([make_decision()], []),
        ):
            with pytest.raises(StoreError, match=r"damaged.*recover"):
                use()


def test_a_payload_of_another_version_is_named(path: Path) -> None:
    fill(path, 1)
    other = sqlite3.connect(path)
    other.execute("UPDATE decision SET payload = '{}'")
    other.commit()
    other.close()
    with SqliteStore(path) as store, pytest.raises(StoreError, match="cannot be decoded"):
        store.decisions(DecisionQuery())


def test_a_full_disk_keeps_nothing_of_the_call_and_goes_on_when_there_is_space(path: Path) -> None:
    with SqliteStore(path) as store:
        store.append([make_decision()], [make_status()])
        connection = store._writer._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        batch = [make_decision(FIRST_ROW + row, n=50) for row in range(1, 40)]
        with pytest.raises(StoreError, match=r"disk at /\S* is full \(\d+ MB free\).*retention_s"):
            store.append(batch, [make_status(1)])
        assert [d.id for d in store.decisions(DecisionQuery())] == [make_decision().id]
        assert len(store.statuses(limit=9)) == 1
        assert store.asset_history("A049USDT", DecisionQuery()) == []
        connection.execute("PRAGMA max_page_count = 1000000")
        assert store.append(batch, []) == 39
        assert len(store.asset_history("A049USDT", DecisionQuery())) == 39


def test_a_lock_that_another_process_keeps(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.sqlite.file, "BUSY_TIMEOUT_S", 0.05)
    with SqliteStore(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process keeps it locked"):
            store.append([make_decision()], [])
        other.close()
        assert store.append([make_decision()], []) == 1


@pytest.mark.parametrize("change", [Path.unlink, lambda p: p.rename(p.with_suffix(".old"))])
def test_a_file_moved_away_under_writer_and_reader(
    path: Path, change: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    reader = SqliteStore(path, read_only=True)
    with SqliteStore(path) as store:
        store.append([make_decision()], [])
        assert len(reader.decisions(DecisionQuery())) == 1
        change(path)
        for side in ("-wal", "-shm"):
            change(Path(f"{path}{side}"))
        assert reader.decisions(DecisionQuery()) == []
        second = make_decision(FIRST_ROW + 1)
        assert store.append([second], []) == 1
        assert "moved or deleted" in caplog.text
        assert [d.id for d in reader.decisions(DecisionQuery())] == [second.id]
    reader.close()
    fill(path, 3)
    assert len(SqliteStore(path, read_only=True).decisions(DecisionQuery())) == 3


def test_several_processes_may_make_the_file_at_once(tmp_path: Path) -> None:
    code = """
import sys
from storage.sqlite import SqliteStore
print("ready", flush=True)
for line in sys.stdin:
    SqliteStore(line.strip()).close()
"""
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for maker in makers:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "ready\n"
    paths = "".join(f"{tmp_path}/{index}.sqlite\n" for index in range(60))
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write(paths)
        maker.stdin.flush()
    outcomes = [(maker.communicate(timeout=120)[1], maker.returncode) for maker in makers]
    assert outcomes == [("", 0)] * 4
    assert len(list(tmp_path.glob("*.sqlite"))) == 60


def test_a_store_carried_over_a_fork_opens_its_own_connections(path: Path) -> None:
    code = """
import os, sys
from storage.protocol import DecisionQuery
from storage.sqlite import SqliteStore
store = SqliteStore(sys.argv[1], read_only=True)
parent = len(store.decisions(DecisionQuery()))
child = os.fork()
found = len(store.decisions(DecisionQuery()))
opened = os.popen(f"ls -l /proc/{os.getpid()}/fd").read().count(sys.argv[1] + "\\n")
if child == 0:
    os._exit(0 if found == 4 and opened == 2 else 1)
print(parent, found, opened, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    fill(path, 4)
    command = [sys.executable, "-c", code, path]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout == "4 4 1 0\n", ended
