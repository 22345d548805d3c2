"""What the recorder cannot keep: named, counted, told where people look, never fatal."""

import threading
from pathlib import Path

import pytest

from optimize.decision import encode_decision
from storage.protocol import DecisionQuery
from storage.recorder import record
from storage.records import encode_status
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, SECOND_NS, make_decision, make_status
from tests.storage.scripted import Broker, FailingStore, ScriptedGap, ScriptedSource

LONG_S = 1e9  # nothing is too old
DECISIONS = [make_decision(FIRST_ROW + row, n=2) for row in range(3)]
STATUSES = [make_status((FIRST_ROW + row) * SECOND_NS, n=1) for row in range(3)]
GOOD = encode_decision(DECISIONS[0])
BAD = {
    "empty": b"",
    "not JSON": b"\xff\x00",
    "truncated": GOOD[: len(GOOD) // 2],
    "bytes that are no UTF-8": GOOD.replace(b'"local"', b'"\xff"'),
    "a field missing": GOOD.replace(b'"digest"', b'"digset"'),
    "another type": GOOD.replace(b'"weights":[', b'"weights":["a",'),
    "a weight too many": GOOD.replace(b'"weights":[', b'"weights":[0.1,'),
    "nested": b'{"x":' + b"[" * 100_000,
    "an integer beyond 64 bits": GOOD.replace(b'"seed":1', b'"seed":1' + b"0" * 30),
    "a status": encode_status(STATUSES[0]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_payload_is_named_and_its_neighbours_are_kept(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker, stop = Broker(), threading.Event()
    broker.send(DECISIONS[0], ("decisions", BAD[name]), DECISIONS[1], STATUSES[0])
    with SqliteStore(tmp_path / "x.sqlite") as store:
        counts = record(ScriptedSource(broker, stop, 9), store, stop=stop, retention_s=LONG_S)
        assert [d.id for d in store.decisions(DecisionQuery())] == [
            DECISIONS[1].id,
            DECISIONS[0].id,
        ]
        (notice,) = store.statuses()[0].notices
    assert counts.unreadable == 1
    assert counts.failures == 0
    assert broker.committed == {("decisions", 0): 3, ("status", 0): 1}
    (line,) = [r.getMessage() for r in caplog.records]
    assert line.startswith("decisions[0]@1: ")
    assert len(line) > 40
    assert notice.startswith(
        "record: messages that could not be stored: 1, the last decisions[0]@1: "
    )


def test_a_message_of_another_topic_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    broker, stop, store = Broker(), threading.Event(), FailingStore()
    broker.send(("tocks", b"{}"), DECISIONS[0])
    counts = record(ScriptedSource(broker, stop), store, stop=stop, retention_s=LONG_S)
    assert (counts.unreadable, counts.decisions) == (1, 1)
    assert "tocks[0]@0: neither of decisions nor of status" in caplog.text


def test_lost_decisions_are_counted_told_once_and_stand_in_the_status(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker, stop, store = Broker(), threading.Event(), FailingStore()
    broker.send(*DECISIONS, *STATUSES)
    source = ScriptedSource(broker, stop, per_poll=1)
    source.lost = [ScriptedGap("decisions", 17), ScriptedGap("status", 900)]
    store.after = lambda: (
        source.lost.append(ScriptedGap("decisions", 3)) if len(store.kept) == 1 else None
    )
    counts = record(source, store, stop=stop, retention_s=LONG_S)
    assert (counts.decisions_lost, counts.statuses_lost) == (20, 900)
    lost = [17, 900, 3]
    assert [r.getMessage().split()[0] for r in caplog.records] == [str(n) for n in lost]
    notices = {status.notices for status in store.statuses(limit=9)}
    assert len(notices) == 1
    assert "decisions gone from the broker before they could be stored: 20" in notices.pop()[0]


def test_lost_status_records_alone_are_no_gap_in_the_history() -> None:
    broker, stop, store = Broker(), threading.Event(), FailingStore()
    broker.send(*STATUSES)
    source = ScriptedSource(broker, stop)
    source.lost = [ScriptedGap("status", 900)]
    record(source, store, stop=stop, retention_s=LONG_S)
    assert store.statuses()[0].notices == ()
