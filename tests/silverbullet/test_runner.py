import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from ingest.codec import encode_json
from optimize.decision import encode_decision
from silverbullet.decider import Decider
from silverbullet.resuming import newest_decision
from silverbullet.settings import load_settings
from tests.factories import make_decision
from tests.silverbullet.scripted_shell import (
    PuppetEvaluator,
    ScriptedSource,
    Shell,
    message,
    messages_of,
)
from tests.silverbullet.virtual_shell import (
    SECOND_NS,
    START_NS,
    Tape,
    VirtualShell,
    random_tape,
    symbol_table,
)

FIRST_ROW = START_NS // SECOND_NS
N_ROWS = 30


def make_settings(**changes: dict[str, Any]) -> Any:
    base: dict[str, dict[str, Any]] = {
        "window": {"rows": 20, "ticks": 50, "min_observations": 5},
        "optimize": {"method": "exact", "cloud_points": 0, "n_draws": 32},
        "decide": {"conflate": False},
    }
    for section, values in changes.items():
        base.setdefault(section, {}).update(values)
    return load_settings(flags=base)


def make_tape() -> Tape:
    """Number symbols in the order of their first ticks, as admission does."""
    tape = random_tape(31, n_rows=N_ROWS)
    order = list(dict.fromkeys(tape.symbol_ids.tolist()))
    ids = np.argsort(order)[tape.symbol_ids]
    return replace(tape, symbols=tuple(tape.symbols[i] for i in order), symbol_ids=ids)


def make_shell(evaluator: PuppetEvaluator | None = None, **changes: dict[str, Any]) -> Shell:
    tape = make_tape()
    source = ScriptedSource(deque(messages_of(tape, 13)))
    return Shell(make_settings(**changes), source, evaluator or PuppetEvaluator())


@pytest.fixture
def in_background() -> Iterator[Any]:
    """Run a shell on a thread; give what stops it."""
    started: list[tuple[Shell, threading.Thread]] = []

    def start(shell: Shell, **options: Any) -> threading.Thread:
        thread = threading.Thread(target=shell.runner.run, kwargs=options)
        thread.start()
        started.append((shell, thread))
        return thread

    yield start
    for shell, thread in started:
        shell.stop.set()
        thread.join(30)
        assert not thread.is_alive()


def test_every_row_is_decided_and_published_in_order() -> None:
    shell = make_shell()
    finished = shell.runner.run(until_end=True)
    decisions = shell.producer.decisions()
    assert [d.row - FIRST_ROW for d in decisions] == list(range(5, N_ROWS))
    assert finished.decision is not None
    assert finished.decision.id == decisions[-1].id
    assert finished.status.decisions == len(decisions)
    for _, _, key, partition in shell.producer.sent:
        assert (key, partition) == (b"main", 0)
    for decision in decisions:
        times = decision.times
        order = [times.updated_ns, times.submitted_ns, times.solved_ns, times.published_ns]
        assert order == sorted(order)
        assert times.message_ns % 1_000_000 == 0
        assert (decision.engine, decision.peers) == ("local", ("run",))


@pytest.mark.parametrize("method", ["exact", "resample"])
@pytest.mark.parametrize("delay", [0, 3])
def test_the_decisions_are_those_of_the_machine_under_virtual_time(method: str, delay: int) -> None:
    tape = make_tape()
    settings = make_settings(optimize={"method": method})
    virtual = VirtualShell(Decider(settings, symbol_table(tape)))
    wanted = virtual.play(tape.batches(range(1, len(tape))), end=True)
    shell = make_shell(PuppetEvaluator(delay=delay), optimize={"method": method})
    shell.runner.run(until_end=True)
    found = shell.producer.decisions()
    assert [d.digest for d in found] == [d.digest for d in wanted]
    assert bool(shell.evaluator.submitted) == (method == "resample")


def test_a_job_that_fails_costs_its_row_alone_and_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shell = make_shell(PuppetEvaluator(failing=frozenset({4})), optimize={"method": "resample"})
    shell.runner.run(until_end=True)
    rows = [d.row - FIRST_ROW for d in shell.producer.decisions()]
    assert rows == [row for row in range(5, N_ROWS) if row != 8]
    assert "it broke" in caplog.text
    assert shell.decider.counts["failed"] == 1


def test_after_a_failure_the_last_decision_stands_and_the_status_says_why() -> None:
    failing = frozenset(range(10, 1_000))
    shell = make_shell(PuppetEvaluator(failing=failing), optimize={"method": "resample"})
    status = shell.runner.run(until_end=True).status
    assert status.state == "stale"
    assert status.reason == "the last decision stands: no decision could be made: it broke"
    assert status.last_decision_id == shell.producer.decisions()[-1].id


def test_who_evaluated_stands_on_the_decision() -> None:
    shell = make_shell(PuppetEvaluator(degraded=True), optimize={"method": "resample"})
    shell.runner.run(until_end=True)
    decision = shell.producer.decisions()[-1]
    assert (decision.engine, decision.peers, decision.degraded) == ("local", ("local-0",), True)
    assert decision.engine_reason.endswith("ray is starting")


def test_refused_ticks_go_to_their_topic_and_the_rest_is_used() -> None:
    shell = make_shell()
    stamp_ms = START_NS // 1_000_000 + 500
    bad = [
        message(b"{", 900, stamp_ms),
        message(encode_json("COIN0USDT", -1.0, START_NS + 5), 901, stamp_ms),
    ]
    shell.source.messages.extendleft(bad)
    status = shell.runner.run(until_end=True).status
    refused = [json.loads(value) for value in shell.producer.of("ticks.rejected")]
    assert sorted((r["offset"], r["reason"]) for r in refused) == [
        (900, "not_json"),
        (901, "price"),
    ]
    assert status.rejected == {"not_json": 1, "price": 1}
    assert status.ticks_used == len(make_tape())
    assert len(shell.producer.decisions()) == N_ROWS - 5


def test_a_throttled_run_sleeps_until_its_time() -> None:
    shell = make_shell(decide={"conflate": False, "min_interval_s": 0.05})
    steps = 0
    step = shell.decider.step

    def counted(event: Any) -> Any:
        nonlocal steps
        steps += 1
        return step(event)

    shell.decider.step = counted  # type: ignore[method-assign]
    begun_s = time.monotonic()
    shell.runner.run(until_end=True)
    assert len(shell.producer.decisions()) == N_ROWS - 5
    assert time.monotonic() - begun_s > 0.05 * (N_ROWS - 6)
    # A step to start each decision, one with its result, those with ticks: no turning round.
    assert steps < 10 * N_ROWS


def test_the_last_row_waits_for_the_engine_that_was_asked_for() -> None:
    shell = make_shell(PuppetEvaluator(starting=5))
    finished = shell.runner.run(until_end=True, wait_for_engine="ray")
    assert shell.evaluator.starting < 0
    assert finished.decision is not None
    assert finished.decision.row == FIRST_ROW + N_ROWS - 1


def test_an_engine_that_is_not_there_is_not_waited_for() -> None:
    shell = make_shell()
    finished = shell.runner.run(until_end=True, wait_for_engine="spork")
    assert finished.decision is not None


def test_a_status_comes_at_once_then_once_a_second_and_at_the_end(in_background: Any) -> None:
    shell = make_shell()
    begun_s = time.monotonic()
    thread = in_background(shell)
    while len(shell.producer.statuses()) < 3:
        assert time.monotonic() - begun_s < 30
        time.sleep(0.02)
    shell.stop.set()
    thread.join(30)
    statuses = shell.producer.statuses()
    assert statuses[0].state == "warming_up"
    assert statuses[0].decisions == 0
    last = statuses[-1]
    assert last.ticks_read == len(make_tape())
    assert last.offsets == {"ticks/0": shell.source.n_read}
    assert last.row == FIRST_ROW + N_ROWS - 2
    between_s = (statuses[2].time_ns - statuses[1].time_ns) / 1e9
    assert 0.9 < between_s < 5


def test_what_could_not_be_delivered_or_was_lost_is_told() -> None:
    shell = make_shell()
    shell.producer.failed = 3
    shell.producer.first_failure = "decisions: Message timed out"
    shell.source.lost_offsets = 17
    status = shell.runner.run(until_end=True).status
    assert status.lost_offsets == 17
    assert status.notices == (
        "3 messages could not be delivered, the first: decisions: Message timed out",
    )


def test_each_gap_is_said_once_though_only_the_newest_are_kept(
    in_background: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shell = make_shell()
    shell.source.found_gaps = ("gap 1", "gap 2")
    in_background(shell)

    def until_said(text: str) -> None:
        begun_s = time.monotonic()
        while text not in caplog.messages:
            assert time.monotonic() - begun_s < 30
            time.sleep(0.02)

    until_said("gap 2")
    shell.source.found_gaps = ("gap 2", "gap 3")
    until_said("gap 3")
    n_statuses = len(shell.producer.statuses())
    begun_s = time.monotonic()
    while len(shell.producer.statuses()) < n_statuses + 1:
        assert time.monotonic() - begun_s < 30
        time.sleep(0.02)
    assert [m for m in caplog.messages if m.startswith("gap")] == ["gap 1", "gap 2", "gap 3"]
    assert shell.producer.statuses()[-1].notices == ("gap 3",)


def test_a_stop_ends_a_run_that_waits_for_ticks(in_background: Any) -> None:
    shell = make_shell()
    thread = in_background(shell)
    while shell.source.messages:
        time.sleep(0.01)
    shell.stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_the_newest_decision_of_ones_own_portfolio_is_found() -> None:
    made = [make_decision(row, portfolio=name) for row in (5, 9, 7) for name in ("main", "other")]
    made.append(make_decision(11, portfolio="other"))
    payloads = [encode_decision(decision) for decision in made]
    found = newest_decision(payloads, "main")
    assert found is not None
    assert (found.row, found.portfolio) == (9, "main")
    assert newest_decision(payloads, "nobody") is None
    with pytest.raises(msgspec.DecodeError):
        newest_decision([b"{"], "main")
