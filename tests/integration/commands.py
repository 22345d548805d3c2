"""The `silverbullet` command as a child process that never touches the user's own folders."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import psutil
from click.testing import CliRunner

from silverbullet.cli import main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "silverbullet.cli"]
# Generous: two processors may be shared with much else.
WAIT_S = 120.0


def until(check: Callable[[], object], what: str, limit_s: float = WAIT_S) -> float:
    """Wait for a condition; give the seconds it took."""
    begun_s = time.monotonic()
    while not check():
        assert time.monotonic() - begun_s < limit_s, f"waited {limit_s:g} s in vain: {what}"
        time.sleep(0.02)
    return time.monotonic() - begun_s


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """Give a child's variables: its own folders, and settings as ``section__key=value``."""
    kept = {
        k: v for k, v in os.environ.items() if not (k.startswith("SILVERBULLET_") and "__" in k)
    }
    folders = {"XDG_STATE_HOME": folder / "state", "XDG_DATA_HOME": folder / "data"}
    ours = {f"SILVERBULLET_{name.upper()}": value for name, value in settings.items()}
    return kept | {name: str(value) for name, value in (folders | ours).items()}


def run_command(
    folder: Path, *arguments: object, timeout_s: float = WAIT_S, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(folder, **settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def run_here(
    folder: Path, *arguments: object, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in this process, which spares it a start of 1 to 4 s.

    For those that take no signals, and are run as a process elsewhere.
    """
    words = [str(argument) for argument in arguments]
    done = CliRunner().invoke(main, words, env=environment(folder, **settings))
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def play_once(folder: Path, *arguments: object, **settings: object) -> dict[str, Any]:
    """Run ``demo --once --json`` and read the object that it prints."""
    done = run_command(folder, "demo", "--once", "--json", *arguments, **settings)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


class Running:
    """A command under way; at the end of its block nothing of it is left."""

    def __init__(self, folder: Path, *arguments: object, **settings: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / f"{arguments[0]}-{time.monotonic_ns()}.out"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                env=environment(folder, **settings),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def output(self) -> str:
        """Give what it has printed."""
        return self.log_path.read_text(errors="replace")

    def until(self, check: Callable[[], object], what: str, limit_s: float = WAIT_S) -> float:
        """Wait for a condition while it runs."""

        def met() -> bool:
            held = bool(check())
            assert held or self.process.poll() is None, f"it ended:\n{self.output()}"
            return held

        return until(met, what, limit_s)

    def family(self) -> list[psutil.Process]:
        """List the processes below it."""
        return psutil.Process(self.pid).children(recursive=True)

    def end(self, number: signal.Signals = signal.SIGINT, limit_s: float = WAIT_S) -> float:
        """Send it a signal; give the seconds until it ended."""
        begun_s = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(limit_s)
        return time.monotonic() - begun_s

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left = [] if self.process.poll() is not None else self.family()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for process in left:
            if process.is_running():
                process.kill()
        psutil.wait_procs(left, timeout=10)
        if error is not None:
            error.add_note(f"output of the command:\n{self.output()[-4000:]}")


def answer_of(url: str) -> Any:
    """Give a route's JSON, or None where it does not answer with 200."""
    try:
        answer = httpx.get(url, timeout=5.0)
    except httpx.TransportError:
        return None
    return answer.json() if answer.status_code == 200 else None
