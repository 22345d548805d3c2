from collections import deque

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.codec import RawMessages, encode_clock, encode_json
from ingest.partitioning import partition_of
from ingest.ticks import SymbolTable
from silverbullet.decider import Decider
from silverbullet.replay import Replay, symbol_order
from silverbullet.starting import make_admission
from tests.silverbullet.scripted_shell import messages_of
from tests.silverbullet.test_runner import make_settings, make_tape
from tests.silverbullet.virtual_shell import VirtualShell


def decided(chosen, messages, partitions=(0,)):
    symbols = SymbolTable(chosen.ticks.max_symbols)
    decider = Decider(chosen, symbols, partitions=partitions)
    admission, shell = make_admission(chosen, symbols), VirtualShell(decider)
    return shell.play((admission.step(raw) for raw in messages), end=True)


def replayed(chosen, recorded, messages, partitions=(0,)):
    replay = Replay(chosen, recorded, partitions=partitions)
    verdicts = [verdict for raw in messages for verdict in replay.take(raw)]
    verdicts += replay.end()
    assert replay.finished
    return verdicts


@pytest.mark.parametrize("trigger", ["row", "tick"])
@pytest.mark.parametrize("method", ["exact", "resample"])
@pytest.mark.parametrize("conflate", [True, False])
def test_every_decision_comes_out_with_the_same_bits(trigger, method, conflate):
    chosen = make_settings(
        decide={"trigger": trigger, "conflate": conflate}, optimize={"method": method}
    )
    messages = messages_of(make_tape(), 13)
    recorded = decided(chosen, messages)
    assert len(recorded) > 8
    verdicts = replayed(chosen, recorded, messages)
    assert {verdict.outcome for verdict in verdicts} == {"equal"}
    assert [verdict.recorded.id for verdict in verdicts] == [d.id for d in recorded]
    assert all(v.again.weights.tobytes() == v.recorded.weights.tobytes() for v in verdicts)


def parted(tape, rng):
    """Give a tape over three partitions, each told the time, as wake-ups in a random order."""
    queues = {p: deque() for p in range(3)}
    for k in range(len(tape)):
        name, time_ns = tape.symbols[tape.symbol_ids[k]], int(tape.event_time_ns[k])
        mine = partition_of(name, 3)
        for partition, queue in queues.items():
            if partition == mine:
                value = encode_json(name, float(tape.prices[k]), time_ns)
            elif k % 7 == partition or k == len(tape) - 1:
                value = encode_clock(time_ns)
            else:
                continue
            queue.append((value, time_ns // 10**6 + 1, partition, len(queue)))
    for partition, queue in queues.items():
        queues[partition] = deque((*row[:3], at) for at, row in enumerate(queue))
    woken = []
    while any(queues.values()):
        rows = []
        for _ in range(int(rng.integers(1, 20))):
            open_ones = [queue for queue in queues.values() if queue]
            if open_ones:
                rows.append(open_ones[int(rng.integers(len(open_ones)))].popleft())
        values, stamps, partitions, offsets = (list(column) for column in zip(*rows, strict=True))
        topics = ["ticks"] * len(rows)
        woken.append(RawMessages(topics, values, stamps, partitions, offsets, stamps[-1] * 10**6))
    return woken


@pytest.mark.parametrize("trigger", ["row", "tick"])
def test_of_several_partitions_too_whatever_order_they_were_read_in(trigger):
    chosen = make_settings(decide={"trigger": trigger, "conflate": False})
    tape, rng = make_tape(), np.random.default_rng(5)
    runs = [decided(chosen, parted(tape, rng), range(3)) for _ in range(3)]
    assert len(runs[0]) > 8
    for recorded in runs:
        verdicts = replayed(chosen, recorded, parted(tape, rng), range(3))
        assert [v.recorded.id for v in verdicts] == [d.id for d in recorded]
        assert {(v.outcome, v.difference) for v in verdicts} == {("equal", "")}
    if trigger == "row":
        first, *others = [[(d.id, d.digest) for d in run] for run in runs]
        assert all(other == first for other in others)


@given(start=st.integers(0, 20), length=st.integers(1, 10))
@settings(max_examples=15)
def test_a_part_of_them_can_be_made_again_alone(start, length):
    chosen = make_settings()
    messages = messages_of(make_tape(), 13)
    recorded = decided(chosen, messages)[start : start + length]
    verdicts = replayed(chosen, recorded, messages)
    assert [verdict.outcome for verdict in verdicts] == ["equal"] * len(recorded)


def test_symbols_have_the_numbers_that_the_run_gave_them_also_where_their_first_ticks_are_gone():
    chosen = make_settings(window={"rows": 5})
    messages = messages_of(make_tape(), 4)
    recorded = decided(chosen, messages)
    late = messages[15:]
    assert late[0].values[0] != messages[0].values[0]
    verdicts = {v.recorded.id: v for v in replayed(chosen, recorded, late)}
    outcomes = [verdicts[d.id].outcome for d in recorded]
    n_lacking = outcomes.count("lacking")
    assert 0 < n_lacking < len(outcomes)
    assert outcomes[:n_lacking] == ["lacking"] * n_lacking


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("weights", lambda d: d.weights[::-1].copy(), "weights of"),
        ("mean", lambda d: np.nextafter(d.mean, 1), "mean of"),
        ("seed", lambda d: d.seed + 1, "optimize.seed was 2, is 1 here"),
        ("n_draws", lambda d: 64, "optimize.n_draws was 64"),
        ("digest", lambda d: "0" * 32, "digest: a covariance"),
        ("start_weights", lambda d: np.full(len(d.symbols), 0.25), ""),
    ],
)
def test_what_was_changed_is_named(name, change, said):
    chosen = make_settings(optimize={"method": "resample"})
    messages = messages_of(make_tape(), 13)
    recorded = decided(chosen, messages)
    at = 5
    forged = list(recorded)
    forged[at] = msgspec.structs.replace(recorded[at], **{name: change(recorded[at])})
    verdicts = replayed(chosen, forged, messages)
    assert [k for k, v in enumerate(verdicts) if v.outcome != "equal"] == [at]
    assert verdicts[at].outcome == "different"
    assert said in verdicts[at].difference


def test_other_settings_are_told_from_other_ticks():
    messages = messages_of(make_tape(), 13)
    recorded = decided(make_settings(), messages)
    capped = replayed(make_settings(optimize={"max_weight": 0.5}), recorded, messages)
    assert {v.outcome for v in capped} == {"different"}
    shorter = replayed(make_settings(window={"rows": 12}), recorded, messages)
    assert any(v.outcome == "lacking" for v in shorter)


@given(st.permutations("ABCDEFG"), st.lists(st.sets(st.sampled_from("ABCDEFG")), max_size=6))
def test_the_order_of_symbols_keeps_every_list_in_order(order, chosen):
    lists = [tuple(s for s in order if s in some) for some in chosen]
    found = symbol_order(lists)
    for symbols in lists:
        assert [s for s in found if s in symbols] == list(symbols)


def test_two_runs_that_numbered_symbols_differently_still_have_an_order():
    assert symbol_order([("A", "B"), ("B", "A")]) == ("A", "B")


def test_offsets_and_id_are_of_the_row_however_far_the_run_had_read_when_it_decided():
    chosen = make_settings(decide={"conflate": True})
    messages = messages_of(make_tape(), 4)
    together = [joined(messages[k : k + 3]) for k in range(0, len(messages), 3)]
    recorded = decided(chosen, together)
    verdicts = replayed(chosen, recorded, messages)
    assert {v.outcome for v in verdicts} == {"equal"}
    one_by_one = {d.row: d.id for d in decided(chosen, messages)}
    assert [d.id for d in recorded] == [one_by_one[d.row] for d in recorded]
    earlier = [msgspec.structs.replace(d, offsets={"0": 0}) for d in recorded]
    assert {v.outcome for v in replayed(chosen, earlier, messages)} == {"different"}
    renamed = [msgspec.structs.replace(d, id=f"{d.id}0") for d in recorded]
    assert all("is not of its own row" in v.difference for v in replayed(chosen, renamed, messages))


def joined(messages):
    """Make one wake-up of several messages."""
    columns = [
        [x for raw in messages for x in getattr(raw, name)]
        for name in ("topics", "values", "timestamps_ms", "partitions", "offsets")
    ]
    return type(messages[0])(*columns, messages[-1].receive_time_ns)
