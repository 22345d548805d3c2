from pathlib import Path

import pytest

from bench import ingest
from bench.brokers import embedded_broker
from bench.case_names import EMBEDDED
from bench.contest import WrongResultError
from bench.ingest_reader import Found
from bench.pipeline import overload
from bench.report import read_report
from bench.rows import compare
from tests.descendants import descendants
from tests.integration.commands import until


def test_all_readers_find_the_same_in_small_topics(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(ingest._JSON_TICKS, EMBEDDED, 4_000)
    monkeypatch.setitem(ingest._PACKS, EMBEDDED, 20)
    report = ingest.run_bench([embedded_broker], 1, tmp_path)
    case = "embedded, {} ticks to the end of the topic"
    rows = {(row.case, row.subject): row for row in report.rows}
    assert [subject for name, subject in rows if name == case.format("JSON")] == [
        "silverbullet",
        "confluent-kafka and msgspec",
        "aiokafka and msgspec",
        "bound",
    ]
    packed, bound = (
        rows[case.format("packed"), "silverbullet"],
        rows[case.format("packed"), "bound"],
    )
    assert compare(packed, bound).median > 0
    assert 0 < packed.p50 < rows[case.format("JSON"), "silverbullet"].p50
    whole = rows[case.format("JSON"), "silverbullet"].p50
    stages = [row.p50 for row in report.rows if row.case.startswith(f"{case.format('JSON')}, ")]
    assert len(stages) == 3
    assert 0.5 * whole < sum(stages) <= whole
    (kept,) = tmp_path.glob("ingest-*.json")
    assert read_report(kept) == report


@pytest.mark.parametrize(
    ("n_used", "mean", "told"), [(9, 0.5, "used 9 of 10"), (10, 0.5000001, "other means")]
)
def test_a_reader_that_finds_something_else_is_named(n_used: int, mean: float, told: str):
    with embedded_broker() as broker:
        tape = ingest._Tape(broker, "JSON", "topic", 10, 1)
    found = {
        "silverbullet": Found(seconds=1.0, n_used=10, means={"A": 0.5}),
        "confluent-kafka and msgspec": Found(seconds=1.0, n_used=n_used, means={"A": mean}),
        "bound": Found(seconds=1.0, n_used=0, means={}),
    }
    with pytest.raises(WrongResultError, match=told):
        ingest._compare(tape, found)


def test_a_short_overload_gives_ages_by_quarters(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(overload, "_PROBE_S", 2.0)
    monkeypatch.setattr(overload, "_PROBE_WARM_UP_S", 0.5)
    monkeypatch.setattr(overload, "_WARM_UP_S", 0.5)
    monkeypatch.setattr(overload, "_SAMPLE_S", 0.2)
    before = descendants()
    report = overload.run_bench(embedded_broker, minutes=0.05, output=tmp_path)
    until(lambda: descendants() <= before, "its processes to be gone", 5.0)
    rows = {row.case: row for row in report.rows}
    age, solve = rows["age of a decision"], rows["solve"]
    assert len(age.runs) == len(solve.runs) == len(rows["memory of run"].runs) == 4
    # No tick can wait for less than the solve that decides on it, nor pile up for seconds.
    assert solve.p50 <= age.p50 < 10_000
    assert rows["age of a decision, in solve times"].max >= 1.0
    assert rows["decisions"].p50 * 10 < 2 * float(report.machine["ticks a second"])
