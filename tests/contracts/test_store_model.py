"""Random histories of calls: any store answers as a plain dict does."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from optimize.decision import encode_decision
from storage.protocol import DecisionQuery
from tests.factories import SECOND_NS, make_decision, make_status
from tests.storage.backends import BACKENDS, Backend, DictStore, make_backend, prune_all

PORTFOLIOS = st.sampled_from(["main", "other"])
ROWS = st.integers(0, 9)
SYMBOLS = st.lists(st.sampled_from("ABCD"), unique=True, max_size=4).map(tuple)
OFFSETS = st.integers(0, 1)
# Two intervals, so that ids and times are ordered differently; few ids, so that they meet.
SPECS = st.tuples(PORTFOLIOS, ROWS, OFFSETS, st.sampled_from([1, 3]), SYMBOLS)


def decision_of(spec: tuple[str, int, int, int, tuple[str, ...]]):
    portfolio, row, offset, interval, symbols = spec
    return make_decision(
        row,
        len(symbols),
        offset,
        portfolio=portfolio,
        offsets={"0": offset},
        symbols=symbols,
        sample_interval_ns=interval * SECOND_NS,
        cloud_points=4 * (offset == 1),
    )


IDS = st.builds(
    lambda portfolio, row, offset: (
        make_decision(row, 0, portfolio=portfolio, offsets={"0": offset}).id
    ),
    PORTFOLIOS,
    ROWS,
    OFFSETS,
)
TIMES = st.builds(
    lambda second, off: second * SECOND_NS + off, st.integers(0, 30), st.integers(-1, 1)
)


@st.composite
def queries(draw: st.DrawFn) -> DecisionQuery:
    """Draw a query; few bounds at a time, or most answers would be empty."""
    bounds = draw(st.lists(st.sampled_from(["after_id", "before_id", "start_ns", "end_ns"])))
    chosen = {name: draw(IDS if name.endswith("id") else TIMES) for name in bounds[:2]}
    return DecisionQuery(
        portfolio=draw(PORTFOLIOS),
        with_cloud=draw(st.booleans()) and draw(st.booleans()),
        newest_first=draw(st.booleans()),
        limit=draw(st.sampled_from([100, 100, 100, 3, 1, 0])),
        **chosen,
    )


class StoreMachine(RuleBasedStateMachine):
    make: Callable[[Path], Backend]

    @initialize(specs=st.lists(SPECS, min_size=4, max_size=12))
    def begin(self, specs) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.backend = type(self).make(self.folder)
        self.store = self.backend.open()
        self.reader = self.backend.open(read_only=True)
        self.oracle = DictStore()
        self.append(specs, [], "main")

    @rule(specs=st.lists(SPECS, max_size=6), rows=st.lists(ROWS, max_size=2), portfolio=PORTFOLIOS)
    def append(self, specs, rows, portfolio) -> None:
        records = (
            [decision_of(spec) for spec in specs],
            [make_status(row * SECOND_NS, n=1, portfolio=portfolio) for row in rows],
        )
        assert self.store.append(*records) == self.oracle.append(*records)

    @rule(query=queries())
    def read(self, query: DecisionQuery) -> None:
        found = [encode_decision(d) for d in self.reader.decisions(query)]
        assert found == [encode_decision(d) for d in self.oracle.decisions(query)]

    @rule(query=queries(), symbol=st.sampled_from("ABCDE"))
    def read_asset(self, query: DecisionQuery, symbol: str) -> None:
        found = self.reader.asset_history(symbol, query)
        assert found == self.oracle.asset_history(symbol, query)

    @rule(portfolio=PORTFOLIOS, limit=st.integers(0, 5))
    def read_statuses(self, portfolio: str, limit: int) -> None:
        found = self.store.statuses(portfolio, limit)
        assert found == self.oracle.statuses(portfolio, limit)

    @rule(row=st.integers(0, 15), off=st.integers(-1, 1))
    def prune(self, row: int, off: int) -> None:
        before_ns = row * SECOND_NS + off
        assert prune_all(self.store, before_ns) == self.oracle.prune(before_ns)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.backend.open()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.reader.close()
            shutil.rmtree(self.folder)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_store_answers_as_a_dict_does(name: str, request: pytest.FixtureRequest) -> None:
    def make(folder: Path) -> Backend:
        return make_backend(name, folder, request)

    machine = type("Machine", (StoreMachine,), {"make": staticmethod(make)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            # A step is 0.3 ms on a file and 20 ms on a server.
            max_examples=60 if name == "sqlite" else 12,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
