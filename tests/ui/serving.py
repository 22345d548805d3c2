"""One server process for the tests, and a client of its stream over HTTP.

Run as a module it serves: prints its address, goes on until told to end.
"""

import functools
import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import psutil

from storage.sqlite import SqliteStore
from ui.server import serve

ROOT = Path(__file__).parents[2]
STREAMS = 3
WAIT_S = 30


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, with a generous time limit."""
    deadline, pause = monotonic() + WAIT_S, threading.Event()
    while not condition():
        assert monotonic() < deadline, f"waited {WAIT_S} s for {what}"
        pause.wait(0.02)


def reader_of(path: Path | str) -> Callable[[], SqliteStore]:
    """Give what opens a store to read."""
    return functools.partial(SqliteStore, path, read_only=True)


class Server:
    """A server on a free port, its store and its processes."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.path = folder / "store.sqlite"
        self.store = SqliteStore(self.path)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ui.serving", self.path, host, "0", str(STREAMS)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        place = urlsplit(self.url)
        self.host, self.port = place.hostname, place.port
        assert self.get("/healthz")[0] == 200

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def get(self, path: str, headers: dict | None = None) -> tuple[int, dict, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=WAIT_S)
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        found = answer.status, dict(answer.headers), answer.read()
        connection.close()
        return found

    def until_streams(self, n: int) -> None:
        line = f"silverbullet_streams_open {n}.0\n".encode()
        until(lambda: line in self.get("/metrics")[2], f"{n} open streams")

    def close(self) -> None:
        children = [] if self.process.poll() is not None else self.children()
        self.process.terminate()
        self.process.wait(WAIT_S)
        for child in children:
            if child.is_running():
                child.kill()
        self.process.stdout.close()
        self.process.stderr.close()
        self.store.close()


class Client:
    """One event stream over HTTP."""

    def __init__(self, server: Server, portfolio: str, last_id: str | None = None) -> None:
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=WAIT_S)
        headers = {"Last-Event-ID": last_id} if last_id else {}
        self.connection.request("GET", f"/api/v1/stream?portfolio={portfolio}", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        assert self.answer.headers["Content-Type"] == "text/event-stream"

    def decisions(self, n: int) -> list[dict]:
        """Give the data of the next n decisions; each id line names its data's decision."""
        found, event_id = [], ""
        while len(found) < n:
            line = self.answer.readline().decode()
            assert line, "the stream ended"
            if line.startswith("id: "):
                event_id = line[4:].rstrip("\n")
            elif line.startswith("data: ") and event_id:
                found.append(json.loads(line[6:]))
                assert found[-1]["id"] == event_id
                event_id = ""
        return found

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


if __name__ == "__main__":
    path, host, port, streams = sys.argv[1:]
    sys.exit(
        serve(
            reader_of(path),
            host,
            int(port),
            int(streams),
            on_ready=lambda url: print(url, flush=True),
        )
    )
