"""The disk of the SQLite store full under a real `record`: told, red, whole, and goes on."""

import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.broker import EmbeddedBroker
from ingest.producer import TopicProducer
from optimize.decision import Decision, encode_decision
from storage.protocol import DecisionQuery
from storage.records import encode_status
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, make_decision, make_status, make_symbols
from tests.integration.commands import Running

N_ASSETS = 30
# Three seconds before its status is too old for /readyz.
STATUS_AGE_S = 7.0
EVERY = DecisionQuery(newest_first=False, limit=10**6)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of its own, of 16 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "silverbullet-test", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        lacks = f"it may not mount a file system of its own, run it as root: {done.stderr.strip()}"
        if os.environ.get("SILVERBULLET_TEST_REQUIRE_ALL"):
            pytest.fail(lacks)
        pytest.skip(lacks)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Site:
    """A broker, and `record` and `serve` on a file."""

    def __init__(self, disk: Path, broker: EmbeddedBroker) -> None:
        self.path = disk / "decisions.sqlite"
        self.settings: dict[str, Any] = {
            "kafka__bootstrap": broker.address,
            "kafka__fetch_wait_max_ms": 2,
            "storage__path": self.path,
            "storage__retention_s": 1e9,
            "serve__port": 0,
        }
        self._producer = TopicProducer(broker.address)
        self._ballast = disk / "ballast"
        self.sent: list[Decision] = []
        self.url = ""

    def send(self, n: int) -> None:
        """Send decisions."""
        for _ in range(n):
            self.sent.append(make_decision(FIRST_ROW + len(self.sent), n=N_ASSETS))
            self._producer.send("decisions", encode_decision(self.sent[-1]))
        self._producer.flush(30)

    def ready(self) -> tuple[int, str]:
        """Send a status, as `run` does all the time; ask whether the site is ready."""
        status = make_status(time.time_ns() - int(STATUS_AGE_S * 1e9), n=1)
        self._producer.send("status", encode_status(status))
        answer = httpx.get(f"{self.url}/readyz", timeout=10)
        told = answer.json()
        return answer.status_code, told.get("detail", "") + told.get("remedy", "")

    def fill(self) -> None:
        """Leave no byte free on the disk."""
        piece = bytes(4096)
        with self._ballast.open("wb", buffering=0) as ballast:
            try:
                while ballast.write(piece):
                    pass
            except OSError:
                return

    def make_room(self) -> None:
        """Delete what fills it."""
        self._ballast.unlink()

    def kept(self) -> list[str]:
        """Read the ids that are kept."""
        with SqliteStore(self.path, read_only=True) as store:
            return [one.id for one in store.decisions(EVERY)]

    def is_whole(self) -> bool:
        """Have SQLite read and compare all of the file."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        answer = connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
        return answer == [("ok",)]

    def close(self) -> None:
        """End the producer."""
        self._producer.close()


def check_complete(site: Site) -> None:
    """See that all that was sent is kept once, with a row for each asset."""
    ids = [one.id for one in site.sent]
    assert site.kept() == ids
    with SqliteStore(site.path, read_only=True) as store:
        for symbol in make_symbols(N_ASSETS):
            assert [row.decision_id for row in store.asset_history(symbol, EVERY)] == ids
    assert site.is_whole()


def site_of(serve: Running) -> str:
    serve.until(lambda: "serving" in serve.output(), "serve to be ready")
    return serve.output().split("serving ")[-1].split()[0]


def fill_until_told(site: Site, record: Running) -> str:
    """Fill the disk and send decisions until `record` says so; give the line."""
    site.fill()
    while "is full" not in record.output():
        site.send(20)
        assert len(site.sent) < 800
        record.until(
            lambda: "is full" in record.output() or len(site.kept()) == len(site.sent),
            "them to be kept, or not",
        )
    return next(line for line in record.output().splitlines() if "is full" in line)


def check_red(site: Site, record: Running) -> None:
    """See that the site is red, and that what was kept can be read meanwhile."""
    record.until(lambda: site.ready()[0] == 503, "the site to be red")
    detail = site.ready()[1]
    assert "the newest status is" in detail
    assert "what `record` says: with its disk full nothing is stored" in detail
    newest = httpx.get(f"{site.url}/api/v1/decisions/latest", timeout=10)
    assert newest.json()["id"] == site.kept()[-1]
    assert site.is_whole()


def test_a_full_disk_is_told_and_red_and_costs_no_row(disk: Path, tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        site = Site(disk, broker)
        with (
            Running(tmp_path, "record", **site.settings) as killed,
            Running(tmp_path, "serve", **site.settings) as serve,
        ):
            site.url = site_of(serve)
            site.send(3)
            killed.until(lambda: site.ready()[0] == 200, "record and serve to be ready")
            killed.until(lambda: len(site.kept()) == 3, "the first decisions")
            told = fill_until_told(site, killed)
            check_red(site, killed)
            killed.end(signal.SIGKILL)
            with Running(tmp_path, "record", **site.settings) as record:
                record.until(lambda: "is full" in record.output(), "the next one to say so too")
                site.send(100)
                assert site.is_whole()
                site.make_room()
                took_s = record.until(lambda: site.ready()[0] == 200, "the site to be ready again")
                record.until(lambda: len(site.kept()) == len(site.sent), "all decisions")
                check_complete(site)
                record.end(signal.SIGTERM)
                assert record.process.returncode == 0
        site.close()
    print(f"{len(site.sent)} decisions; ready again {took_s:.1f} s after there was room")
    where = rf"writing {site.path}: the disk at {disk} is full \(0 MB free\)"
    assert re.search(where + r".*free space there, and lower storage\.retention_s", told)
    assert re.search(r"\d+ decisions and \d+ status records wait, next try in", told)
