"""A demo under way, as its user and its parts see it."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from ingest.consumer import TopicConsumer
from optimize.decision import decode_decision
from storage.protocol import DecisionQuery
from storage.sqlite import SqliteStore
from tests.integration.commands import Running, answer_of

PARTS = ("serve", "record", "run", "simulate")


class DemoUnderWay(Running):
    """A demo, its address once it has printed it, its parts by name."""

    def __init__(self, folder: Path, *arguments: object, **settings: object) -> None:
        super().__init__(folder, "demo", "--port", "0", *arguments, **settings)
        self.folder = folder / "state" / "silverbullet" / "demo"
        self.url = ""
        self._broker = ""

    def await_address(self) -> float:
        """Wait until it prints its address; give the seconds it took."""
        took_s = self.until(lambda: " decides on http" in self.output(), "the demo's address")
        found = re.search(r"decides on (http://\S+)", self.output())
        assert found is not None
        self.url = found[1]
        return took_s

    def parts(self) -> dict[str, psutil.Process]:
        """Find the parts that run now."""
        found = {}
        for process in psutil.Process(self.pid).children():
            try:
                words = process.cmdline()
            except psutil.NoSuchProcess:
                continue
            for name in PARTS:
                # exec_child stands before the command until it has become it.
                if words[1:5] == ["-P", "-m", "silverbullet.cli", name]:
                    found[name] = process
        return found

    def broker(self) -> str:
        """Give the address of its broker, which one part at least knows."""
        if not self._broker:
            part = next(iter(self.parts().values()))
            self._broker = str(part.environ()["SILVERBULLET_KAFKA__BOOTSTRAP"])
        return self._broker

    def answer(self, route: str) -> Any:
        """Ask its API; None where it does not answer with 200."""
        return answer_of(f"{self.url}/api/v1/{route}")

    def newest_id(self) -> str:
        """Give the id of the newest decision shown, empty where none is."""
        found = self.answer("decisions/latest")
        return "" if found is None else str(found["id"])

    def await_news(self, after: str) -> None:
        """Wait until a decision later than this one is shown."""
        self.until(lambda: self.newest_id() > after, f"a decision after {after}")

    def published_ids(self) -> list[str]:
        """Read the ids of all decisions that the broker holds."""
        with TopicConsumer(self.broker(), ["decisions"], fetch_wait_max_ms=2) as consumer:
            ids = []
            while not consumer.at_end():
                raw = consumer.poll(1.0)
                ids += [decode_decision(value).id for value in raw.values] if raw else []
        return ids

    def stored_ids(self) -> list[str]:
        """Read the ids of all decisions in the store, oldest first."""
        with SqliteStore(self.folder / "decisions.sqlite") as store:
            query = DecisionQuery(newest_first=False, limit=100_000)
            return [decision.id for decision in store.decisions(query)]

    def log(self, part: str) -> str:
        """Give the log of a part."""
        return (self.folder / f"{part}.log").read_text(errors="replace")


def listening(processes: list[psutil.Process]) -> set[int]:
    """Give the ports on which processes listen."""
    return {
        connection.laddr.port
        for process in processes
        if process.is_running()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Leave out what has ended."""
    left = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # between the two questions it may end
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left
