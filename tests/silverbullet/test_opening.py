"""Which store the settings open, and that a password shows nowhere."""

import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from silverbullet.cli import main
from silverbullet.doctor import examine
from silverbullet.opening import cassandra_address, has_records, open_store, store_place
from silverbullet.settings import Settings, load_settings
from storage.cassandra.errors import Cause, explain
from storage.protocol import StoreError, UnreachableError
from tests.factories import make_status
from tests.storage.backends import DictStore

HERE = {"backend": "cassandra"}


def test_sqlite_is_opened_unless_told_otherwise(tmp_path: Path) -> None:
    settings = load_settings(flags={"storage": {"path": str(tmp_path / "x.sqlite")}})
    store = open_store(settings)
    store.append([], [make_status()])
    assert store.statuses() == [make_status()]
    store.close()
    assert store_place(settings) == str(tmp_path / "x.sqlite")


def test_the_password_comes_from_a_file_or_the_environment_and_shows_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "password"
    path.write_text("of-the-file\n")
    given = {"storage": HERE, "cassandra": {"user": "me", "password_file": str(path)}}
    assert cassandra_address(load_settings(flags=given)).password == "of-the-file"  # noqa: S105
    monkeypatch.setenv("SILVERBULLET_CASSANDRA__PASSWORD", "of-the-environment")
    settings = load_settings(flags=given)
    address = cassandra_address(settings)
    assert address.password == "of-the-environment"  # noqa: S105
    listed = CliRunner().invoke(main, ["settings"]).output
    listed += CliRunner().invoke(main, ["settings", "--json"]).output
    for text in (listed, repr(settings), repr(address), store_place(settings)):
        assert "of-the-" not in text


def test_a_password_file_that_is_missing_is_named(tmp_path: Path) -> None:
    given = {"storage": HERE, "cassandra": {"password_file": str(tmp_path / "none")}}
    with pytest.raises(StoreError, match=r"cassandra.password_file=.*none: No such file"):
        open_store(load_settings(flags=given))


def test_nobody_at_the_address_is_one_line_for_schema_and_no_matter_for_a_reader() -> None:
    nobody = ["--set", "storage.backend=cassandra", "--set", "cassandra.port=1"]
    told = CliRunner().invoke(main, ["schema", *nobody])
    assert told.exit_code == 1
    assert "Cassandra at 127.0.0.1:1: nobody answers" in told.output
    assert told.output.count("\n") == 1
    settings = load_settings(flags={"storage": HERE, "cassandra": {"port": 1}})
    store = open_store(settings, read_only=True)
    with pytest.raises(UnreachableError, match="nobody answers"):
        store.statuses()
    store.close()


def test_schema_of_a_file_is_refused_with_the_remedy() -> None:
    told = CliRunner().invoke(main, ["schema"])
    assert told.exit_code == 2
    assert "--set storage.backend=cassandra" in told.output


class Away(DictStore):
    """Answers at the third try."""

    tries = 0

    def statuses(self, portfolio: str = "main", limit: int = 1):
        self.tries += 1
        if self.tries < 3:
            raise UnreachableError("nobody answers")
        return super().statuses(portfolio, limit)


@pytest.mark.parametrize("records", [[], [make_status()]])
def test_a_recorder_waits_for_a_store_before_it_decides_where_to_begin(records) -> None:
    store = Away()
    store.append([], records)
    assert has_records(store, "main", threading.Event()) is bool(records)
    assert store.tries == 3


def test_the_doctor_looks_at_the_cluster_that_is_set() -> None:
    settings = load_settings(flags={"storage": HERE, "cassandra": {"port": 1}})
    (found,) = [finding for finding in examine(settings) if finding.part == "store"]
    assert not found.ok
    assert "Cassandra at 127.0.0.1:1: nobody answers" in found.says


@pytest.mark.parametrize("cause", ["login", "forbidden", "tls", "absent", "unreachable", "timeout"])
@pytest.mark.parametrize("command", [["record"], ["serve"], ["export", "decisions", "-o", "x.csv"]])
def test_what_a_server_refuses_ends_with_exit_1_and_a_wrong_file_with_2(
    cause: Cause, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def refuse(settings: Settings, **_: object) -> None:
        raise explain(cause, "why", cassandra_address(settings), "opening")

    # Each takes the name when it is imported, which may be long before: patched where it is used.
    for module in ("exporting", "recording", "serving"):
        monkeypatch.setattr(f"silverbullet.{module}.open_store", refuse)
    words = [*command, "--set", "storage.backend=cassandra"]
    words += [] if command[0] == "export" else ["--set", "kafka.bootstrap=127.0.0.1:1"]
    refused = CliRunner().invoke(main, words)
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1), refused.output
    assert refused.output.startswith("Error: opening Cassandra at ")
    misset = CliRunner().invoke(main, [*words, "--set", "cassandra.password_file=none"])
    assert misset.exit_code == 2
    assert "cassandra.password_file=none: No such file" in misset.output
