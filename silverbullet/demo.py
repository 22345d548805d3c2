"""Everything on embedded parts: the broker here, the rest as child processes."""

import ipaddress
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import filelock
from rich.console import Console

from silverbullet.children import Children
from silverbullet.demo_place import BROKER_FILE, demo_folder
from silverbullet.demo_servers import Servers, embedded_parts, real_parts
from silverbullet.demo_start import WATCH_INTERVAL_S, Watch, ready_lines, wait_until_up
from silverbullet.feeding import FeedOptions, spacing_settings
from silverbullet.options import Flags, Refused
from silverbullet.settings import ENVIRONMENT_PREFIX, Settings
from storage.tokens import TokenError, TokenFile

# Where a demo that listens on every address is asked on this machine.
_WILDCARDS = {str(ipaddress.IPv4Address(0)): "127.0.0.1", "::": "::1"}
PARTS = ("serve", "record", "run", "simulate")
_NO_SECURITY = {"security_protocol": "plaintext"} | dict.fromkeys(
    ("user", "password", "password_file", "ca_file", "certificate_file", "key_file"), ""
)


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


@contextmanager
def _told(path: Path, text: str) -> Iterator[None]:
    """Keep a word in a file for as long as it is true."""
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _own_token(settings: Settings) -> Iterator[str]:
    """Make an admin token that holds as long as this process, however that ends.

    Raises
    ------
    Refused
        The file of tokens cannot be used.
    """
    tokens, name, pid = TokenFile(settings.serve.tokens_path), f"demo-{os.getpid()}", os.getpid()
    try:
        secret = tokens.create(name, "admin", time.time_ns(), pid=pid)
    except TokenError as error:
        raise Refused(str(error)) from None
    try:
        yield secret
    finally:
        with suppress(TokenError):  # it ends with this process in any case
            tokens.revoke(name)


def _environment(flags: Flags, settings: Settings, servers: Servers, port: int) -> dict[str, str]:
    given: dict[str, dict[str, Any]] = {section: dict(values) for section, values in flags.items()}
    # Whatever the settings say of servers of their own.
    given["kafka"] = given.get("kafka", {}) | _NO_SECURITY
    ours: Servers = {
        "serve": {"port": port},
        "window": {"sample_interval_s": settings.window.sample_interval_s},
    }
    for section, values in servers.items():
        given.setdefault(section, {}).update(values)
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


def _watch_until_stopped(watch: Watch, stop: threading.Event, console: Console) -> str:
    while not stop.wait(WATCH_INTERVAL_S):
        lines, failure = watch(time.monotonic_ns())
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
    *,
    real: bool = False,
) -> int:
    """Run until Ctrl-C; whoever of the children and the real servers dies is started again.

    Parameters
    ----------
    real
        On the Kafka and Cassandra of `services up`, which are started and stay up, instead of
        embedded parts.

    Returns
    -------
    int
        Exit status: 0 after Ctrl-C, 1 when a part kept dying.

    Raises
    ------
    Refused
        Port taken, second demo, folder not writable, files not readable, no such speed.
    """
    feed.speed_factor()  # refused here, not by a part that has been started
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
        with (
            real_parts(folder) if real else embedded_parts(folder) as (servers, watch_servers),
            _told(folder / BROKER_FILE, servers["kafka"]["bootstrap"]),
            _own_token(settings) as token,
        ):
            environment = _environment(flags, settings, servers, port)
            finite = ("simulate",) if paths and not feed.loop else ()
            children = Children(environment, folder, arguments, finite)
            host = _WILDCARDS.get(settings.serve.host, settings.serve.host)
            address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            failure = _run_parts(children, watch_servers, address, token, folder, stop)
    if failure:
        click.echo(f"Error: {failure}", err=True)
        return 1
    return 0


def _run_parts(
    children: Children,
    watch_servers: Watch,
    address: str,
    token: str,
    folder: Path,
    stop: threading.Event,
) -> str:
    """Keep the parts going until stopped; give why it was given up, or an empty string."""
    console = Console(stderr=True, soft_wrap=True)

    def watch(now_ns: int) -> tuple[list[str], str]:
        of_servers, lost = watch_servers(now_ns)
        of_parts, failure = children.watch(now_ns)
        return of_servers + of_parts, lost or failure

    try:
        failure = wait_until_up(watch, len(PARTS), address, token, stop, console)
        if not failure and not stop.is_set():
            for line in ready_lines(address, folder, token, terminal=sys.stdout.isatty()):
                click.echo(line)
            failure = _watch_until_stopped(watch, stop, console)
        return failure
    finally:
        children.stop()


def _clear(folder: Path) -> None:
    """Begin with an empty store: the embedded broker's topics begin at offset 0 again."""
    for path in folder.glob("decisions.sqlite*"):
        path.unlink()
    for path in (*folder.glob("*.log"), folder / BROKER_FILE):
        path.unlink(missing_ok=True)
