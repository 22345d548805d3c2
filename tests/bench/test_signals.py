"""A benchmark that is ended by a signal leaves no process and no folder behind."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.commands import COMMAND, ROOT, environment, until

# Says that it is in the block; while it leaves, further signals come; then it says how far it got.
BLOCK = """
import os, signal, sys, threading
from silverbullet.bench_signals import ended_in_order
with ended_in_order():
    try:
        print("in", flush=True)
        threading.Event().wait(60)
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            os.kill(os.getpid(), number)
        print("out", flush=True)
print("after", flush=True)
"""


def started(*arguments: str, **more: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        arguments, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more
    )  # type: ignore[call-overload]


def words_of(process: psutil.Process) -> list[str]:
    """Give a command line; none of a process that has ended since it was seen."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(process.cmdline())
    return []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -2)]
)
def test_the_first_signal_leaves_every_block_and_the_next_do_not_disturb(number: int, code: int):
    with started(sys.executable, "-c", BLOCK) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        process.send_signal(number)
        assert process.stdout.read() == "out\n"
        assert process.wait(20.0) == code


def test_a_signal_that_was_ignored_before_still_is():
    ignoring = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{BLOCK}"
    with started(sys.executable, "-c", ignoring) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20.0) == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_benchmark_that_is_ended_leaves_no_process_and_no_folder(tmp_path: Path, number: int):
    folders = tmp_path / "tmp"
    folders.mkdir()
    variables = environment(tmp_path) | {"TMPDIR": str(folders)}
    with started(
        *COMMAND, "bench", "pipeline", "--rates", "100", "--seconds", "60", env=variables
    ) as process:
        bench = psutil.Process(process.pid)
        below: set[psutil.Process] = set()

        def plays() -> bool:
            below.update(bench.children(recursive=True))
            return any("run" in words_of(one) for one in below)

        until(plays, "the pipeline to be started")
        assert list(folders.iterdir())
        process.send_signal(number)
        process.wait(40.0)
        until(lambda: not any(map(lives, below)), "its processes to be gone", 10.0)
    assert list(folders.glob("silverbullet-*")) == []


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
