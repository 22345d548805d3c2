"""What `run` sends with ends whole, whatever fails of it."""

from pathlib import Path

import pytest
from filelock import FileLock

from ingest.broker import BrokerError
from silverbullet.sole_run import Outputs


class Ending:
    """A producer that tells how long it may take to end, and fails then if it is to."""

    def __init__(self, error: str = "") -> None:
        self.error = error
        self.given_s: list[float] = []

    def close(self, timeout_s: float) -> None:
        self.given_s.append(timeout_s)
        if self.error:
            raise BrokerError(self.error)


@pytest.mark.parametrize(
    ("decisions", "rejected"), [("not taken", ""), ("", "not taken"), ("not taken", "not taken")]
)
def test_where_one_cannot_end_the_other_does_and_the_lock_is_given_back(
    decisions: str, rejected: str, tmp_path: Path
) -> None:
    producers, lock = (Ending(decisions), Ending(rejected)), FileLock(tmp_path / "one.lock")
    lock.acquire(timeout=0)
    with pytest.raises(BrokerError, match="not taken"):
        Outputs(*producers, lock).close(3.0)  # type: ignore[arg-type]
    assert [producer.given_s for producer in producers] == [[3.0], [3.0]]
    assert not lock.is_locked
    assert list(tmp_path.iterdir()) == []
