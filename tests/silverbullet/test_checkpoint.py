import logging
import re
import time
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ticks import SymbolTable
from silverbullet.checkpoint import (
    CheckpointError,
    Header,
    decode_checkpoint,
    encode_checkpoint,
    window_settings,
)
from silverbullet.checkpoint_parts import PART_BYTES, CheckpointSchedule, join, split
from silverbullet.checkpointing import Checkpoints, find_checkpoint, go_on_from
from silverbullet.decider import Decider
from silverbullet.settings import load_settings
from silverbullet.starting import make_admission
from stats.snapshot import flatten
from tests.factories import make_decision
from tests.silverbullet.scripted_shell import KeptMessages, message, messages_of
from tests.silverbullet.test_runner import make_settings, make_tape
from tests.silverbullet.virtual_shell import VirtualShell

SETTINGS = load_settings()


def header(**changes) -> Header:
    given = {
        "portfolio": "main", "time_ns": 7, "windows": window_settings(SETTINGS),
        "positions": {"0": 5}, "symbols": ("A", "B"), "decision_id": "", "fingerprint": "f",
        "arrays": (),
    }  # fmt: skip
    return Header(**(given | changes))


@given(
    st.dictionaries(
        st.text(max_size=9),
        st.lists(st.floats() | st.integers(-(2**63), 2**63 - 1), max_size=30),
        max_size=5,
    )
)
def test_it_is_read_as_it_was_written(lists):
    arrays = {
        name: np.array(values, float if any(type(v) is float for v in values) else np.int64)
        for name, values in lists.items()
    }
    back = decode_checkpoint(encode_checkpoint(header(), arrays))
    assert msgspec.structs.replace(back.header, arrays=()) == header()
    assert back.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back.arrays[name].tobytes() == array.tobytes()
        assert (back.arrays[name].dtype, back.arrays[name].shape) == (array.dtype, array.shape)


@given(st.data())
def test_one_that_was_changed_or_cut_is_refused(data):
    payload = bytearray(encode_checkpoint(header(), {"a": np.arange(9.0)}))
    at = data.draw(st.integers(0, len(payload) - 1))
    if data.draw(st.booleans()):
        payload[at] ^= data.draw(st.integers(1, 255))
    else:
        del payload[at:]
    with pytest.raises(CheckpointError):
        decode_checkpoint(bytes(payload))


def test_of_two_the_newest_whole_one_is_put_together_in_any_order():
    old, new = (bytes([k]) * (2 * PART_BYTES + k) for k in (1, 2))
    topic: dict[bytes, bytes] = {}
    for number, payload in ((1, old), (2, new)):
        topic.update(split("main", number, payload))
    topic.update(split("other", 9, b"x"))
    values = [b"rubbish", *list(topic.values())[::-1]]
    assert join("main", values) == [(2, new), (1, old)]
    # The third takes the first one's place and is cut off by an end of the process.
    topic.update(list(split("main", 3, new))[:-1])
    assert join("main", topic.values()) == [(2, new)]


def test_large_ones_are_rarer():
    schedule = CheckpointSchedule(10, bytes_per_s=1000)
    assert not schedule.is_due(100)
    assert not schedule.is_due(109)
    assert schedule.is_due(110)
    schedule.written(110, 500)
    assert (schedule.is_due(119), schedule.is_due(120)) == (False, True)
    schedule.written(120, 60_000)
    assert (schedule.is_due(179), schedule.is_due(180)) == (False, True)
    assert not CheckpointSchedule(0).is_due(1e9)


@dataclass
class Broker:
    low: int = 0
    low: int = 0
    high: int = 10
    partitions: tuple[int, ...] = (0,)

    def bounds(self, topic):
        return {(topic, p): (self.low, self.high) for p in self.partitions}


def parts(*headers: Header) -> list[bytes]:
    found = []
    for number, one in enumerate(headers, 1):
        found += [value for _, value in split(one.portfolio, number, encode_checkpoint(one, {}))]
    return found


@pytest.mark.parametrize(
    ("changes", "broker", "why"),
    [
        ({}, Broker(low=6), r"ticks\[0\]@5 to 5 are gone from the broker"),
        ({}, Broker(high=4), "made anew: it ends at 4, 5 was due"),
        ({}, Broker(partitions=(0, 1)), "other partitions"),
        (
            {"windows": window_settings(SETTINGS) | {"window.rows": 7}},
            Broker(),
            "rows was 7, is 300",
        ),
        ({"decision_id": "z"}, Broker(), "decision z, made before it, is not in the topic"),
    ],
)
def test_one_that_would_lose_something_is_passed_over_for_an_older_and_why_is_said(
    changes, broker, why, caplog
):
    values = parts(header(), header(**changes))
    with caplog.at_level(logging.WARNING):
        found = find_checkpoint(values, SETTINGS, None, broker)
    assert found.number == 2
    older_serves = broker == Broker()
    assert (found.checkpoint is not None) == older_serves
    assert re.search(why, caplog.text)


def test_one_made_before_the_newest_decision_is_taken():
    decision = make_decision()
    found = find_checkpoint(parts(header(decision_id=decision.id)), SETTINGS, decision, Broker())
    assert found.checkpoint is not None
    assert found.checkpoint.header.decision_id == decision.id


@pytest.mark.parametrize("at", [1, 9, 17, 33])
@pytest.mark.parametrize("trigger", ["row", "tick"])
def test_a_run_that_goes_on_from_a_checkpoint_decides_as_if_it_had_never_stopped(at, trigger):
    settings = make_settings(decide={"trigger": trigger})
    messages = messages_of(make_tape(), 4)

    def start(last=None):
        symbols = SymbolTable(settings.ticks.max_symbols)
        decider = Decider(settings, symbols, resume=last)
        return decider, make_admission(settings, symbols), VirtualShell(decider)

    decider, admission, shell = start()
    for k, raw in enumerate(messages):
        if k == at:
            assert decider.is_settled
            arrays = flatten(decider.market.copy_state()) | {
                "trade_ids": admission.trade_ids[: len(decider.symbols)].copy()
            }
            kept = encode_checkpoint(header(symbols=decider.symbols), arrays)
            last, n_before = decider.last_decision, len(shell.published)
        shell.take(admission.step(raw))
    decider_b, admission_b, shell_b = start(last)
    go_on_from(decode_checkpoint(kept), decider_b, admission_b)
    for raw in messages[at:]:
        shell_b.take(admission_b.step(raw))
    expected = [(d.id, d.digest) for d in shell.published[n_before:]]
    assert [(d.id, d.digest) for d in shell_b.published] == expected
    assert len(expected) >= 8
    assert decider_b.symbols == decider.symbols


def test_a_trade_seen_before_the_checkpoint_is_still_known_after_it():
    def trade(number, offset):
        row = {"symbol": "AUSDT", "price": 1.0, "event_time_ns": 10**18, "trade_id": number}
        return message(msgspec.json.encode(row), offset, 10**12)

    settings = make_settings()
    decider = Decider(settings, SymbolTable())
    admission = make_admission(settings, decider.table)
    assert admission.step(trade(77, 0)).n_duplicate == 0
    ids = admission.trade_ids[:1].copy()
    arrays = flatten(decider.market.copy_state()) | {"trade_ids": ids}
    kept = encode_checkpoint(header(symbols=("AUSDT",)), arrays)
    again = Decider(settings, SymbolTable())
    admission = make_admission(settings, again.table)
    go_on_from(decode_checkpoint(kept), again, admission)
    assert admission.step(trade(77, 0)).n_duplicate == 1
    assert admission.step(trade(78, 1)).n_duplicate == 0


def test_a_checkpoint_whose_parts_do_not_fit_each_other_is_refused():
    settings = make_settings()
    symbols = SymbolTable()
    decider, admission = Decider(settings, symbols), make_admission(settings, symbols)
    arrays = flatten(decider.market.copy_state()) | {"trade_ids": np.zeros(1, np.int64)}
    with pytest.raises(CheckpointError, match="symbols and trade ids"):
        go_on_from(decode_checkpoint(encode_checkpoint(header(), arrays)), decider, admission)


def test_a_checkpoint_that_the_broker_does_not_take_is_told(caplog):
    class Refusing(KeptMessages):
        def flush(self, timeout_s):
            self.failed, self.first_failure = 1, "state: message too large"

    settings = make_settings(decide={"checkpoint_interval_s": 1e-9})
    decider = Decider(settings, SymbolTable())
    admission = make_admission(settings, decider.table)
    checkpoints = Checkpoints(settings, Refusing(), "f", 0)
    deadline_s = time.monotonic() + 30
    while "message too large" not in caplog.text and time.monotonic() < deadline_s:
        checkpoints.look(decider, admission, lambda: {("ticks", 0): 3})
    checkpoints.close()
    assert "no checkpoint: state: message too large; an earlier one" in caplog.text
