"""What ends a cluster of ours: all of it, and nobody else's process."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cluster.cluster_state import (
    ClusterFolder,
    ClusterState,
    FolderBusyError,
    boot_id,
    start_ticks,
)
from cluster.detached import end, free_port, look
from cluster.keeper import MARK
from cluster.process import SpawnError

WAIT_S = 20.0
# A keeper that ignores SIGTERM, with two children that do.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(2):
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    print(subprocess.Popen([sys.executable, "-c", child]).pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ClusterFolder]:
    folder = ClusterFolder(tmp_path / "cluster" / "ray")
    with folder.hold():
        yield folder


def keeper(folder: ClusterFolder, *, marked: bool = True) -> tuple[ClusterState, list[int]]:
    """Start a session of three and write down its state."""
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN],
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **({MARK: str(folder.path)} if marked else {})},
    )
    assert process.stdout is not None
    children = [int(process.stdout.readline()) for _ in range(2)]
    ticks = start_ticks(process.pid)
    assert ticks is not None
    scratch = folder.path.parent / "scratch"
    scratch.mkdir()
    (scratch / "file").touch()
    state = ClusterState("ray", process.pid, ticks, boot_id(), str(scratch), "up")
    folder.write(state)
    folder.make_secret()
    folder.want(3)
    return state, [process.pid, *children]


def gone(pids: list[int]) -> bool:
    return all(start_ticks(pid) is None for pid in pids)  # a zombie counts as gone


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)


def test_the_whole_session_ends_also_against_its_will_and_only_logs_stay(
    folder: ClusterFolder,
) -> None:
    state, pids = keeper(folder)
    view = look(folder)
    assert view is not None
    assert (view.alive, view.state, sorted(view.pids)) == (True, state, sorted(pids))
    assert view.memory_bytes > 2**20
    assert view.since is not None
    assert abs(view.since.timestamp() - psutil.Process(pids[0]).create_time()) < 1
    folder.log_path.parent.mkdir()
    folder.log_path.touch()
    begun_s = time.monotonic()
    assert end(folder)
    assert time.monotonic() - begun_s < 10.0
    assert gone(pids)
    assert [path for path in folder.path.rglob("*") if path.is_file()] == [folder.log_path]
    assert not Path(state.scratch).exists()
    assert not end(folder)
    assert look(folder) is None


def test_what_a_killed_keeper_left_is_seen_and_ended(folder: ClusterFolder) -> None:
    state, (leader, *children) = keeper(folder)
    os.kill(leader, signal.SIGKILL)
    os.waitpid(leader, 0)
    view = look(folder)
    assert view is not None
    assert not view.alive
    assert sorted(view.pids) == sorted(children)
    assert end(folder)
    assert gone(children)
    assert not Path(state.scratch).exists()


def test_a_session_without_our_mark_is_left_alone(folder: ClusterFolder) -> None:
    _, (leader, *children) = keeper(folder, marked=False)
    os.kill(leader, signal.SIGKILL)
    os.waitpid(leader, 0)
    try:
        assert end(folder)
        assert not any(start_ticks(pid) is None for pid in children)
    finally:
        kill_all(children)


@pytest.mark.parametrize("change", ["start_ticks", "boot"])
def test_a_process_that_has_the_pid_now_is_never_touched(
    change: str, folder: ClusterFolder
) -> None:
    state, pids = keeper(folder)
    old = {"start_ticks": state.start_ticks - 1, "boot": "another"}[change]
    folder.write(replace(state, **{change: old}))
    try:
        view = look(folder)
        assert view is not None
        assert (view.alive, view.pids) == (False, ())
        assert end(folder)
        assert not any(start_ticks(pid) is None for pid in pids)
    finally:
        kill_all(pids)


def test_only_the_user_can_read_folder_secret_and_state(folder: ClusterFolder) -> None:
    keeper_state, pids = keeper(folder)
    try:
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()}
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert len(folder.secret_path.read_text()) == 64
        assert folder.make_secret() != folder.make_secret()
        assert folder.read() == keeper_state
        assert folder.wanted(9) == 3
    finally:
        kill_all(pids)


def test_two_commands_at_once_are_refused(folder: ClusterFolder) -> None:
    with pytest.raises(FolderBusyError, match="another command"), folder.hold():
        pass


def test_a_state_of_another_version_is_named(folder: ClusterFolder) -> None:
    folder.state_path.write_text('{"engine": "ray", "colour": 1}')
    with pytest.raises(ValueError, match=r"cluster.json.*colour.*delete it"):
        look(folder)


def test_a_port_that_is_taken_is_told() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SpawnError, match=f"port {port} on 127.0.0.1: Address already in use"):
            free_port(port)
    assert free_port(0) > 0
