"""Everything on embedded parts: the broker here, the rest as child processes."""

import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import filelock
import platformdirs
from rich.console import Console

from cluster.process import Child, spawn
from cluster.supervision import Backoff, Supervision
from ingest.broker import EmbeddedBroker
from silverbullet.feeding import FeedOptions, spacing_settings
from silverbullet.options import Flags, Refused
from silverbullet.settings import ENVIRONMENT_PREFIX, Settings

WATCH_INTERVAL_S = 0.2
# Ends within 5 s of Ctrl-C: 3.5 s for what closes by itself, the rest for kill and reap.
GRACE_S = 3.5
START_LIMIT_S = 120.0
PARTS = ("serve", "record", "run", "simulate")
RESTARTS = Backoff(give_up_after=5)
REFUSED_EXIT = 2


def demo_folder() -> Path:
    """Give the folder of the demo's store, logs and lock."""
    return Path(platformdirs.user_state_dir("silverbullet")) / "demo"


def _free_port(host: str, port: int) -> int:
    """Find out whether a port is free (0: any), before anything starts.

    Raises
    ------
    Refused
        It is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise Refused(
                f"port {port} on {host} is taken: pass --port {port + 1}, or end what holds it"
            ) from None
        return int(probe.getsockname()[1])


@contextmanager
def _sole_demo(folder: Path) -> Iterator[None]:
    """Hold the demo's folder, or say who does.

    Raises
    ------
    Refused
        Another demo runs, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock", blocking=False)
        lock.acquire()
    except filelock.Timeout:
        raise Refused(
            f"another demo is running (it holds {folder / 'lock'}): end it with Ctrl-C first"
        ) from None
    except OSError as error:
        raise Refused(f"{folder}: {error.strerror}; the demo keeps its store there") from None
    try:
        yield
    finally:
        lock.release()


def _environment(
    flags: Flags, settings: Settings, broker: str, folder: Path, port: int
) -> dict[str, str]:
    given: dict[str, dict[str, Any]] = {section: dict(values) for section, values in flags.items()}
    ours: dict[str, dict[str, Any]] = {
        "kafka": {"bootstrap": broker, "fetch_wait_max_ms": 2},
        "storage": {"path": str(folder / "decisions.sqlite")},
        "serve": {"port": port},
        "window": {"sample_interval_s": settings.window.sample_interval_s},
    }
    for section, values in ours.items():
        given.setdefault(section, {}).update(values)
    return {
        f"{ENVIRONMENT_PREFIX}{section}__{key}".upper(): ",".join(value)
        if isinstance(value, list)
        else str(value)
        for section, values in given.items()
        for key, value in values.items()
    }


def _feed_arguments(paths: Sequence[Path], feed: FeedOptions) -> list[str]:
    arguments = [word for path in paths for word in ("--from", str(path))]
    for name, value in feed._asdict().items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(option)
        elif value not in (None, False):
            arguments += [option, str(value)]
    return arguments


class Demo:
    """The child processes of a demo and how they are kept going.

    Parameters
    ----------
    environment
        Settings as variables, over those of this process.
    folder
        Where each part's log goes.
    arguments
        Part to the arguments of its command.
    finite
        Parts that have an end: with exit code 0 there they are not started again.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        arguments: Mapping[str, list[str]],
        finite: Collection[str] = (),
    ) -> None:
        self._environment = environment
        self._folder = folder
        self._arguments = arguments
        self._finite = finite
        self._children: dict[str, Child] = {}
        self._supervision = {name: Supervision(RESTARTS) for name in arguments}

    def watch(self, now_ns: int) -> tuple[list[str], str]:
        """Start what is due; give lines to show, and why to give up or an empty string."""
        lines = []
        for name, supervision in self._supervision.items():
            if said := self._reap(name, now_ns):
                lines.append(said)
            if supervision.given_up:
                return lines, f"{supervision.given_up} (log: {self._log_path(name)})"
            if name not in self._children and supervision.due(now_ns):
                self._children[name] = self._start(name)
                supervision.started(now_ns)
        return lines, ""

    def _reap(self, name: str, now_ns: int) -> str:
        """Take note of a part that has ended; give a line to show, or an empty string."""
        child, supervision = self._children.get(name), self._supervision[name]
        if child is None or (code := child.poll()) is None:
            return ""
        del self._children[name]
        if code == 0 and name in self._finite:
            # Its supervision is told nothing, and so plans no start.
            return f"{name} has come to its end; the last decision stays"
        reason = child.describe_exit()
        if code == REFUSED_EXIT:
            supervision.give_up(reason)
            return ""
        supervision.ended(now_ns, reason)
        return f"{reason}; it is started again"

    def _log_path(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _start(self, name: str) -> Child:
        argv = [sys.executable, "-m", "silverbullet.cli", name, *self._arguments[name]]
        return spawn(argv, name=name, env=self._environment, log_path=self._log_path(name))

    def stop(self) -> None:
        """End all parts side by side, by pid."""
        with ThreadPoolExecutor(max_workers=len(PARTS)) as pool:
            list(pool.map(lambda child: child.terminate(GRACE_S), self._children.values()))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait_until_up(demo: Demo, address: str, stop: threading.Event, console: Console) -> str:
    """Wait for page and first decision under one progress line; give why it failed, or ''."""
    steps = {
        "the page answers": f"{address}/healthz",
        "the first decision": f"{address}/api/v1/decisions/latest",
    }
    deadline_s = time.monotonic() + START_LIMIT_S
    with console.status("starting") as line:
        for text, url in steps.items():
            line.update(
                f"starting: broker and {len(PARTS)} processes are up; waiting until {text}"
                if "answers" in text
                else f"starting: the page is up; waiting for {text}"
            )
            while not _answers(url):
                lines, failure = demo.watch(time.monotonic_ns())
                for said in lines:
                    console.print(said, highlight=False)
                if failure or stop.wait(WATCH_INTERVAL_S):
                    return failure
                if time.monotonic() > deadline_s:
                    console.print(f"{text} takes longer than {START_LIMIT_S:.0f} s; going on")
                    return ""
    return ""


def _watch_until_stopped(demo: Demo, stop: threading.Event, console: Console) -> str:
    while not stop.wait(WATCH_INTERVAL_S):
        lines, failure = demo.watch(time.monotonic_ns())
        for line in lines:
            console.print(line, highlight=False)
        if failure:
            return failure
    return ""


def run_demo(
    read_settings: Callable[..., Settings],
    flags: Flags,
    config: Path | None,
    paths: Sequence[Path],
    feed: FeedOptions,
) -> int:
    """Run until Ctrl-C; whoever of the children dies is started again.

    Returns
    -------
    int
        Exit status: 0 after Ctrl-C, 1 when a part kept dying.

    Raises
    ------
    Refused
        Port taken, second demo, folder not writable, files not readable.
    """
    settings = read_settings(spacing_settings(paths, feed))
    folder, stop = demo_folder(), threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    # The lock first: what holds the port of a second demo is, as a rule, the first.
    with _sole_demo(folder):
        port = _free_port(settings.serve.host, settings.serve.port)
        _clear(folder)
        common = ["--config", str(config.absolute())] if config else []
        arguments = {name: list(common) for name in PARTS}
        arguments["simulate"] += _feed_arguments(paths, feed)
        with EmbeddedBroker() as broker:
            environment = _environment(flags, settings, broker.address, folder, port)
            finite = ("simulate",) if paths and not feed.loop else ()
            demo = Demo(environment, folder, arguments, finite)
            failure = _run_parts(demo, f"http://{settings.serve.host}:{port}", folder, stop)
    if failure:
        click.echo(f"Error: {failure}", err=True)
        return 1
    return 0


def _run_parts(demo: Demo, address: str, folder: Path, stop: threading.Event) -> str:
    """Keep the parts going until stopped; give why it was given up, or an empty string."""
    console = Console(stderr=True, soft_wrap=True)
    try:
        failure = _wait_until_up(demo, address, stop, console)
        if not failure and not stop.is_set():
            click.echo(f"SilverBullet decides on {address}  (Ctrl-C ends it; logs in {folder})")
            failure = _watch_until_stopped(demo, stop, console)
        return failure
    finally:
        demo.stop()


def _clear(folder: Path) -> None:
    """Begin with an empty store: the embedded broker's topics begin at offset 0 again."""
    for path in folder.glob("decisions.sqlite*"):
        path.unlink()
    for path in folder.glob("*.log"):
        path.unlink()
