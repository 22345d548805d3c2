"""A client of the event stream, for tests."""

import json
import time
from collections.abc import Iterator

from optimize.decision import Decision
from tests.factories import FIRST_ROW, make_decision

DECISIONS = [make_decision(FIRST_ROW + index, 2) for index in range(400)]
WAIT_S = 20


class Reader:
    """Reads frames as a client does."""

    def __init__(self, frames: Iterator[bytes]) -> None:
        self.frames = frames
        self._passed_over: list[tuple[str, str | None, dict]] = []
        assert next(frames) == b"retry: 1000\n\n"

    def event(self, *kinds: str) -> tuple[str, str | None, dict]:
        """Give the next event of these kinds: kind, id, data.

        Kinds come in any order beside each other: others are kept for a later call.
        """
        for index, event in enumerate(self._passed_over):
            if event[0] in kinds:
                return self._passed_over.pop(index)
        limit_s = time.monotonic() + WAIT_S
        for frame in self.frames:
            if frame.startswith(b":"):
                assert time.monotonic() < limit_s, f"nothing of {kinds} within {WAIT_S} s"
                continue
            assert frame.endswith(b"\n\n")
            fields = dict(line.split(": ", 1) for line in frame.decode().strip().split("\n"))
            event = fields["event"], fields.get("id"), json.loads(fields["data"])
            if event[0] in kinds:
                return event
            self._passed_over.append(event)
        raise AssertionError("the stream ended")

    def ids(self, n: int) -> list[str]:
        return [self.event("decision")[1] for _ in range(n)]


def ids(decisions: list[Decision]) -> list[str]:
    return [decision.id for decision in decisions]
