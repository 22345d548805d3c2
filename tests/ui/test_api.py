"""The REST API's answers against the records themselves."""

import json
import math
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from optimize.decision import Decision, encode_decision
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, SECOND_NS, make_decision
from tests.ui.tape import N_DECISIONS, NOW_NS, SYMBOLS, fill, newest_status, tape
from ui.server import create_app

RECORDED = list(tape())
FIRST_NS = RECORDED[0].row_end_ns


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with tempfile.TemporaryDirectory() as folder:
        store = fill(Path(folder) / "store.sqlite")
        yield create_app(store, now_ns=lambda: NOW_NS, dashboard=False).test_client()
        store.close()


def as_stored(decision: Decision, *, curves: bool = True) -> dict:
    stored = json.loads(encode_decision(decision))
    return stored if curves else {**stored, "frontier": None, "cloud": None}


def test_latest_and_each_id_answer_the_whole_record(client: FlaskClient) -> None:
    assert client.get("/api/v1/decisions/latest").json == as_stored(RECORDED[-1])
    for decision in RECORDED:
        answer = client.get(f"/api/v1/decisions/{decision.id}")
        assert answer.status_code == 200
        assert answer.json == as_stored(decision)


def test_a_portfolio_is_answered_by_its_name(client: FlaskClient) -> None:
    newest = client.get("/api/v1/decisions/latest?portfolio=other").json
    assert newest["portfolio"] == "other"
    assert newest["row"] == FIRST_ROW + 2
    assert len(client.get("/api/v1/decisions?portfolio=other").json["decisions"]) == 3


@settings(max_examples=40, deadline=None)
@given(
    limit=st.integers(1, N_DECISIONS + 5),
    order=st.sampled_from(["newest", "oldest"]),
    bounds=st.tuples(
        st.integers(-2, N_DECISIONS + 2), st.integers(0, N_DECISIONS + 2), st.booleans()
    ),
)
def test_paging_gives_each_decision_exactly_once(
    client: FlaskClient, limit: int, order: str, bounds: tuple[int, int, bool]
) -> None:
    first, length, bounded = bounds
    start_ns = FIRST_NS + first * SECOND_NS
    end_ns = start_ns + (length + 1) * SECOND_NS
    address = f"/api/v1/decisions?limit={limit}&order={order}"
    expected = [d.id for d in RECORDED]
    if bounded:
        address += f"&start={start_ns}&end={end_ns}"
        expected = [d.id for d in RECORDED if start_ns <= d.row_end_ns < end_ns]
    if order == "newest":
        expected.reverse()
    found = []
    while address is not None:
        answer = client.get(address)
        page = answer.json
        assert len(page["decisions"]) <= limit
        found += [decision["id"] for decision in page["decisions"]]
        address = page["next"]
        link = f'<{address}>; rel="next"' if address else None
        assert answer.headers.get("Link") == link
    assert found == expected


def test_pages_leave_curves_out_unless_asked_for(client: FlaskClient) -> None:
    for curves in (False, True):
        page = client.get(f"/api/v1/decisions?limit=500&curves={str(curves).lower()}").json
        kept = [as_stored(d, curves=curves) for d in reversed(RECORDED)]
        # Whole decisions may be large, so that they come in pages of 50.
        assert page["decisions"] == kept[: 50 if curves else None]
        if curves:
            assert client.get(page["next"]).json["decisions"] == kept[50:]


def test_pages_between_two_ids_exclude_both(client: FlaskClient) -> None:
    after, before = RECORDED[10].id, RECORDED[15].id
    page = client.get(f"/api/v1/decisions?after={after}&before={before}&order=oldest").json
    assert [d["id"] for d in page["decisions"]] == [d.id for d in RECORDED[11:15]]


@pytest.mark.parametrize(
    "form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S+00:00"]
)
def test_time_is_iso_8601_or_ns(client: FlaskClient, form: str) -> None:
    """Also with a bare "+", which arrives as a blank."""
    row_end_ns = RECORDED[40].row_end_ns
    start = datetime.fromtimestamp(row_end_ns // SECOND_NS, UTC).strftime(form)
    by_text = client.get(f"/api/v1/decisions?start={start}").json["decisions"]
    by_ns = client.get(f"/api/v1/decisions?start={row_end_ns}").json["decisions"]
    assert [d["id"] for d in by_text] == [d.id for d in reversed(RECORDED[40:])]
    assert by_ns == by_text


def test_ids_of_another_sampling_interval_are_found_and_paged(tmp_path: Path) -> None:
    """Rows of half an hour have smaller numbers than the rows of a second before them."""
    store = SqliteStore(tmp_path / "mixed.sqlite")
    seconds = [make_decision(FIRST_ROW + index) for index in range(4)]
    half_hour_ns = 1800 * SECOND_NS
    first = FIRST_ROW // 1800 + 2
    halves = [
        make_decision(first + index, sample_interval_ns=half_hour_ns, offsets={"0": index})
        for index in range(4)
    ]
    store.append([*seconds, *halves], [])
    client = create_app(store, dashboard=False).test_client()
    for decision in (*seconds, *halves):
        assert client.get(f"/api/v1/decisions/{decision.id}").json["id"] == decision.id
    found, address = [], "/api/v1/decisions?limit=3&order=oldest"
    while address is not None:
        page = client.get(address).json
        found += [decision["id"] for decision in page["decisions"]]
        address = page["next"]
    assert found == [decision.id for decision in (*seconds, *halves)]


def test_assets_join_status_and_newest_decision(client: FlaskClient) -> None:
    answer = client.get("/api/v1/assets").json
    newest, status = RECORDED[-1], newest_status()
    assert answer["decision_id"] == newest.id
    assert answer["status_time_ns"] == status.time_ns
    rows = {row["symbol"]: row for row in answer["assets"]}
    assert list(rows) == sorted({*SYMBOLS, "NEWUSDT"})
    for index, symbol in enumerate(SYMBOLS):
        for name in ("mean", "volatility", "skewness", "kurtosis"):
            assert rows[symbol][name] == getattr(newest, name)[index]
        assert rows[symbol]["weight"] == newest.weights[index]
        change = newest.weights[index] - newest.start_weights[index]
        assert rows[symbol]["weight_change"] == change
    for state in status.assets:
        assert rows[state.symbol]["state"] == state.state
        assert rows[state.symbol]["reason"] == state.reason
        assert rows[state.symbol]["price"] == state.price
    assert rows["NEWUSDT"]["weight"] is None
    assert rows["SOLUSDT"]["state"] is None
    assert rows["SOLUSDT"]["price"] == newest.prices[2]


@pytest.mark.parametrize("symbol", [*SYMBOLS, quote(SYMBOLS[0], safe="")])
def test_history_is_one_symbols_part_of_each_decision(client: FlaskClient, symbol: str) -> None:
    name = SYMBOLS[0] if "%" in symbol else symbol
    address = f"/api/v1/assets/{symbol}/history?limit=17"
    found = []
    while address is not None:
        page = client.get(address).json
        assert page["symbol"] == name
        found += page["rows"]
        address = page["next"]
    holding = [d for d in reversed(RECORDED) if name in d.symbols]
    assert len(found) == len(holding)
    for row, decision in zip(found, holding, strict=True):
        at = decision.symbols.index(name)
        assert row["decision_id"] == decision.id
        assert row["row_end_ns"] == decision.row_end_ns
        assert row["price"] == decision.prices[at]
        assert (row["weight"], row["weight_stddev"]) == (
            decision.weights[at],
            decision.weight_stddev[at],
        )
        skewness = decision.skewness[at]
        assert row["skewness"] == (None if math.isnan(skewness) else skewness)


@pytest.mark.parametrize(("age_s", "state"), [(4.9, "deciding"), (5.1, "stale")])
def test_a_run_that_reports_no_more_is_stale_whatever_it_said_last(
    tmp_path: Path, age_s: float, state: str
) -> None:
    store = fill(tmp_path / "store.sqlite")
    then_ns = newest_status().time_ns + int(age_s * SECOND_NS)
    client = create_app(store, now_ns=lambda: then_ns, dashboard=False).test_client()
    answer = client.get("/api/v1/status").json
    store.close()
    assert answer["status"]["state"] == "deciding"
    assert answer["state"] == state
    assert ("reported nothing for 5 s" in answer["reason"]) == (state == "stale")


def test_status_and_engines_are_the_newest(client: FlaskClient) -> None:
    answer = client.get("/api/v1/status").json
    assert answer["status"]["time_ns"] == newest_status().time_ns
    assert answer["status"]["rejected"] == {"price": 3, "not_json": 4}
    assert (answer["age_s"], answer["now_ns"]) == (0.4, NOW_NS)
    assert (answer["state"], answer["reason"]) == (newest_status().state, newest_status().reason)
    engines = client.get("/api/v1/engines").json
    assert [engine["name"] for engine in engines["engines"]] == ["local"]
    assert engines["last"]["decision_id"] == RECORDED[-1].id


def test_the_prototypes_routes_keep_its_names(client: FlaskClient) -> None:
    newest = RECORDED[-1]
    rows = client.get("/api/asset_stat").json
    assert [row["asset"] for row in rows] == list(SYMBOLS)
    for index, row in enumerate(rows):
        assert set(row) == {
            "asset", "timestamp", "reward", "risk", "skewness", "kurtosis", "price",
        }  # fmt: skip
        assert row["reward"] == newest.mean[index]
        assert row["risk"] == pytest.approx(newest.volatility[index] ** 2)
        moment = datetime.fromisoformat(row["timestamp"])
        assert moment.timestamp() * SECOND_NS == newest.row_end_ns
    one = client.get(f"/api/asset_stat?asset={quote(SYMBOLS[0], safe='')}&limit=5").json
    assert [row["reward"] for row in one] == [d.mean[0] for d in reversed(RECORDED[-5:])]
    (portfolio,) = client.get("/api/portfolio_stat").json
    assert portfolio["reward"] == newest.expected_return
    assert portfolio["risk"] == pytest.approx(newest.portfolio_volatility**2)
    assert portfolio["weights"] == dict(zip(SYMBOLS, newest.weights, strict=True))


def test_nan_is_null(client: FlaskClient) -> None:
    body = client.get(f"/api/v1/decisions/{RECORDED[0].id}").text
    assert "NaN" not in body
    assert json.loads(body)["skewness"][0] is None


def test_asking_again_costs_no_body_while_nothing_is_new(client: FlaskClient) -> None:
    for path in ("decisions/latest", f"decisions/{RECORDED[3].id}", "decisions", "frontier"):
        first = client.get(f"/api/v1/{path}")
        tag = {"If-None-Match": first.headers["ETag"]}
        again = client.get(f"/api/v1/{path}", headers=tag)
        assert (again.status_code, again.data) == (304, b"")
    for path in ("/api/v1/status", "/api/v1/latency", "/api/v1/assets", "/readyz", "/metrics"):
        assert client.get(path).headers["Cache-Control"] == "no-store"
