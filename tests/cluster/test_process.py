"""Children end with their parent, and nothing of theirs stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cluster.process import Child, SpawnError, spawn

WAIT_S = 20.0
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
# A child with a grandchild in a process group of its own, which ignores SIGTERM.
FAMILY = """
import signal, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", '''
import os, signal, time
os.setpgid(0, 0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("grandchild", os.getpid(), flush=True)
time.sleep(600)
'''])
time.sleep(600)
"""


def until(check: Callable[[], bool]) -> None:
    limit_s = time.monotonic() + WAIT_S
    while not check():
        assert time.monotonic() < limit_s, "waited in vain"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def grandchild(log: Path) -> int:
    until(lambda: log.exists() and b"grandchild" in log.read_bytes())
    return int(log.read_text().split()[1])


def test_exit_code_output_and_environment_arrive(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "child.log"
    code = "import os, sys; print(os.environ['WORD']); print('bad', file=sys.stderr); sys.exit(3)"
    child = spawn([sys.executable, "-c", code], name="c", env={"WORD": "hello"}, log_path=log)
    assert child.wait(WAIT_S) == 3
    assert log.read_text().split() == ["hello", "bad"]
    assert child.describe_exit() == f"c (pid {child.pid}) ended: exit code 3: bad"


def test_child_is_its_own_session_under_the_pid_that_was_given(tmp_path: Path) -> None:
    child = spawn(SLEEP, name="sleeper", log_path=tmp_path / "log")
    # While it becomes the program its command line is empty for a moment.
    until(lambda: alive(child.pid) and cmdline(child.pid) == SLEEP)
    assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
    assert child.poll() is None
    assert "runs" in child.describe_exit()
    assert child.terminate(WAIT_S) == -signal.SIGTERM
    assert "killed by SIGTERM" in child.describe_exit()
    assert child.terminate(WAIT_S) == -signal.SIGTERM  # again: nothing to do


def cmdline(pid: int) -> list[str]:
    return psutil.Process(pid).cmdline()


def test_child_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = spawn([sys.executable, "-c", STUBBORN], name="s", log_path=log)
    until(lambda: log.read_bytes() == b"up\n")
    assert child.terminate(0.2) == -signal.SIGKILL


@pytest.mark.parametrize("how", ["terminate", "kill -9"])
def test_grandchildren_are_gone_when_the_child_is(tmp_path: Path, how: str) -> None:
    log = tmp_path / "log"
    child = spawn([sys.executable, "-c", FAMILY], name="f", log_path=log)
    pid = grandchild(log)
    assert os.getpgid(pid) == pid
    if how == "terminate":
        child.terminate(WAIT_S)
    else:
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(WAIT_S) == -signal.SIGKILL
    assert not alive(pid)


def test_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    made: list[Child] = []
    thread = threading.Thread(
        target=lambda: made.append(spawn(SLEEP, name="t", log_path=tmp_path / "log"))
    )
    thread.start()
    thread.join()
    assert made[0].wait(0.5) is None
    made[0].terminate(WAIT_S)


def test_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from cluster.process import spawn\n"
        f"child = spawn({SLEEP!r}, name='c', log_path=Path({str(tmp_path / 'log')!r}))\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=root)
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        until(lambda: cmdline(pid) == SLEEP)
    finally:
        parent.kill()
        parent.communicate()
    until(lambda: not alive(pid))


def test_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpawnError, match=r"cannot start x \(no-such-program\): not found"):
        spawn(["no-such-program"], name="x", log_path=tmp_path / "log")


def test_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpawnError, match="cannot start x"):
        spawn(SLEEP, name="x", log_path=tmp_path / "file" / "log")
