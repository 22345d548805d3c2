"""Dispatch ``resident``: a foreign scheduler places workers, and blocks pass it by."""

from typing import Any, Protocol


class Places(Protocol):
    """A foreign scheduler that gives workers a place; they run `resident.serve`."""

    def come_up(self) -> None:
        """Start it or join it, and place a worker on every processor that is ours."""

    def ended(self) -> str:
        """Say why a worker has ended and does not come back; empty while all are well."""

    def leave(self) -> None:
        """Leave a cluster that is not this host's own."""


class ResidentWork:
    """Keeps an eye on the scheduler; blocks go from the pipeline to the workers."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def come_up(self) -> tuple[str, int]:
        """Place the workers; the host itself takes no blocks."""
        self._places.come_up()
        return "", 0

    def take(self, item: Any) -> None:
        """Take nothing: jobs and blocks are the workers'."""

    def lost(self) -> str:
        """Say why there is no use in going on, or nothing."""
        return self._places.ended()

    def leave(self) -> None:
        """Leave a cluster that is not this host's own."""
        self._places.leave()
