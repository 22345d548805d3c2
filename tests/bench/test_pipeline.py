import json
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka.admin import AdminClient

from bench.brokers import Broker, embedded_broker, running_kafka
from bench.pipeline import benchmark, listener
from bench.pipeline.attribution import SPANS, STAGES
from bench.pipeline.benchmark import Plan, run_bench
from bench.pipeline.contenders import Contender, make_contenders
from bench.pipeline.listener import Topics
from bench.pipeline.session import ClockSetError
from bench.report import read_report
from bench.run_error import RunError
from cluster.process import spawn
from ingest.codec import RawMessages
from tests.descendants import descendants
from tests.integration.commands import until

RATE = 200
PEERS = ("relay", "PyPortfolioOpt", "skfolio")
CASE = f"embedded, exact, {RATE} ticks/s"


def test_a_short_bench_gives_rows_of_all_contenders_and_leaves_nothing_behind(tmp_path: Path):
    before = descendants()
    plan = Plan(seconds=1.0, repetitions=1, rates=(RATE,), libraries=True)
    report = run_bench(plan, output=tmp_path, prefer_real_time=False)
    until(lambda: descendants() <= before, "its processes to be gone", 5.0)
    rows = {(row.case, row.subject): row for row in report.rows}
    for stage in (*STAGES, *SPANS):
        ours = rows[f"{CASE}, {stage}", "silverbullet"]
        assert ours.unit == "us"
        assert 0 <= ours.p50 <= ours.p99 <= ours.max < 60e6
        assert ours.runs == (ours.p50,)
    for peer in PEERS:
        told = {case.removeprefix(f"{CASE}, ") for case, subject in rows if subject == peer}
        assert set(SPANS) | {"generator lag", "kafka in", "kafka out"} <= told
        assert told.isdisjoint({"solve", "wait", "update"})
    for subject in ("silverbullet", *PEERS):
        total, own, made = (
            rows[f"{CASE}, {span}", subject] for span in ("total", "own part", "made")
        )
        assert own.p50 < made.p50 < total.p50
        # No contender can send more often than ticks come, nor hardly ever.
        assert 1 < rows[f"{CASE}, messages out", subject].p50 < 2 * RATE
    for subject in ("silverbullet", *PEERS):
        total = rows[f"{CASE}, total", subject].histogram
        assert total is not None
        assert RATE / 2 < sum(total.counts) < 2 * RATE  # a second of ticks
        own = rows[f"{CASE}, own part", subject].histogram
        assert (own is not None) == (subject == "silverbullet")
    for peer in PEERS:
        size = rows[f"{CASE}, size of a message out", peer].p50
        assert size == pytest.approx(2000, abs=50)
    (kept,) = tmp_path.glob("pipeline-*.json")
    assert read_report(kept) == report
    assert json.loads(report.to_json())["machine"]["scheduling"] == "normal"
    assert "mock" in report.machine["broker embedded"]
    assert "not Kafka's" in " ".join(report.to_text().split())


@pytest.mark.kafka
def test_topics_on_a_real_kafka_are_measured_and_deleted(kafka_bootstrap: str, tmp_path: Path):
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    plan = Plan(seconds=1.0, repetitions=1, rates=(RATE,), methods=("resample",))
    kafka = partial(running_kafka, kafka_bootstrap)
    report = run_bench(plan, [kafka], tmp_path, prefer_real_time=False)
    total = f"Kafka, resample, {RATE} ticks/s, total"
    assert {row.subject for row in report.rows if row.case == total} == {"silverbullet", "relay"}

    def left() -> list[str]:
        return [name for name in admin.list_topics(timeout=5).topics if "bench" in name]

    until(lambda: not left(), "its topics to be gone", 10.0)


def test_a_contender_that_ends_is_named_with_its_last_words(tmp_path: Path, monkeypatch, capsys):
    def die(_broker: Broker, _topics: Topics, log_path: Path):
        program = "print('no such kernel'); raise SystemExit(3)"
        return spawn([sys.executable, "-c", program], name="relay", log_path=log_path)

    monkeypatch.setattr(
        benchmark, "make_contenders", lambda *_, **__: [Contender("relay", "", die)]
    )
    with pytest.raises(RunError, match="no run at 100 ticks/s"):
        run_bench(Plan(0.1, 1, (100,)), [embedded_broker], tmp_path, prefer_real_time=False)
    told = capsys.readouterr().err
    assert "exit code 3" in told
    assert "no such kernel" in told
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize("n_sets", [1, 2, 3])
def test_a_run_in_which_the_clock_was_set_is_made_again(
    tmp_path: Path, monkeypatch, capsys, n_sets: int
):
    sets = iter(range(n_sets))

    def measure(*_: object) -> str:
        if next(sets, None) is not None:
            raise ClockSetError("the clock was set by 135 us while it ran")
        return "figures"

    monkeypatch.setattr(benchmark, "_measure", measure)
    broker, relay = Broker("embedded", "nowhere:1", ""), Contender("relay", "", lambda *_: None)
    if n_sets == 3:
        with pytest.raises(ClockSetError, match="135 us"):
            benchmark._take_run(broker, [relay], tmp_path, 0, 100, 1.0)
    else:
        found = benchmark._take_run(broker, [relay], tmp_path, 0, 100, 1.0)
        assert found == {("relay", ""): "figures"}
    assert capsys.readouterr().err.count("relay, 100 ticks/s, again: ") == min(n_sets, 2)


def test_each_engine_is_a_contender_of_its_own_but_not_where_nothing_is_drawn():
    contenders = make_contenders(
        ("exact", "resample"), libraries=False, engines=("local", "ray", "spark")
    )
    ours = {one.method: one.engine for one in contenders if one.is_pipeline}
    assert ours == {
        "exact": "local",
        "resample": "local",
        "resample on ray": "ray",
        "resample on spark": "spark",
    }
    labels = [one.label for one in contenders]
    assert len(set(labels)) == len(labels)
    assert all(" " not in label for label in labels)  # they are parts of topic names


def test_a_run_is_measured_once_its_engine_is_ready(monkeypatch):
    broker, topics = Broker("embedded", "nowhere:1", ""), Topics("x")
    monkeypatch.setattr(listener, "TopicConsumer", lambda *_, **__: None)
    heard = listener.Listener(broker, topics, has_status=True)
    status = {"time_ns": 1, "lost_offsets": 0}

    def tell(*states: str) -> RawMessages:
        engines = [{"name": f"e{k}", "state": state} for k, state in enumerate(states)]
        value = json.dumps(status | {"engines": engines}).encode()
        return RawMessages([topics.status], [value], [1], [0], [0], 1)

    said = iter([tell("starting", "ready"), tell("ready", "failed")])
    heard._consumer = SimpleNamespace(poll=lambda _: next(said))
    heard.listen(0.0)
    assert heard.ready == {"e1"}
    heard.listen(0.0)
    assert heard.ready == {"e0"}
