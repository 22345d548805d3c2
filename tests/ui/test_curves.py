"""Cloud, frontier and latency against the records."""

import itertools
import math
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from optimize.decision import StageTimes
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, SECOND_NS, make_decision
from tests.ui.tape import NOW_NS, fill, tape
from ui.server import create_app

RECORDED = list(tape())


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with tempfile.TemporaryDirectory() as folder:
        store = fill(Path(folder) / "store.sqlite")
        yield create_app(store, now_ns=lambda: NOW_NS, dashboard=False).test_client()
        store.close()


@pytest.mark.parametrize(
    ("route", "curve"), [("portfolios/cloud", "cloud"), ("frontier", "frontier")]
)
def test_curves_are_those_of_the_newest_decision_that_has_them(
    client: FlaskClient, route: str, curve: str
) -> None:
    decision = [d for d in RECORDED if getattr(d, curve) is not None][-1]
    answer = client.get(f"/api/v1/{route}").json
    assert answer["decision_id"] == decision.id
    assert answer["volatility"] == getattr(decision, curve).volatility.tolist()
    assert answer["expected_return"] == getattr(decision, curve).expected_return.tolist()
    assert answer["portfolio"]["volatility"] == decision.portfolio_volatility
    assert [a["symbol"] for a in answer["assets"]] == list(decision.symbols)
    assert [a["expected_return"] for a in answer["assets"]] == decision.estimated_mean.tolist()


def percentile(values: list[float], share: float) -> float:
    """By its definition: linear between the two nearest ranks."""
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (rank - low) * (ordered[high] - ordered[low])


@pytest.mark.parametrize("n", [1, 2, 37])
def test_latency_is_the_percentiles_of_the_stamps(tmp_path: Path, n: int) -> None:
    rng = random.Random(n)
    names = StageTimes.__struct_fields__
    decisions = []
    for index in range(60):
        stamps, now = {}, 1_750_000_000_000_000_000 + index * SECOND_NS
        for name in names:
            stamps[name] = now
            now += rng.randrange(1, 10_000_000)
        decisions.append(make_decision(FIRST_ROW + index, times=StageTimes(**stamps)))
    store = SqliteStore(tmp_path / "latency.sqlite")
    store.append(decisions, [])
    client = create_app(store, dashboard=False).test_client()
    answer = client.get(f"/api/v1/latency?decisions={n}").json
    assert (answer["n_decisions"], answer["unit"]) == (n, "us")
    assert (answer["first_id"], answer["last_id"]) == (decisions[-n].id, decisions[-1].id)
    steps = dict(
        zip(
            ["kafka", "ingest", "update", "wait", "solve", "publish"],
            itertools.pairwise(names),
            strict=True,
        )
    )
    steps["total"] = (names[0], names[-1])
    assert [stage["stage"] for stage in answer["stages"]] == list(steps)
    for stage in answer["stages"]:
        start, end = steps[stage["stage"]]
        spans = [(getattr(d.times, end) - getattr(d.times, start)) / 1e3 for d in decisions[-n:]]
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)):
            assert stage[name] == pytest.approx(percentile(spans, share), rel=1e-12)
