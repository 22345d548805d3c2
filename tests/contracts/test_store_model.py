"""Random histories of calls: any store answers as a plain dict does."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from optimize.decision import encode_decision
from storage.protocol import DecisionQuery
from tests.factories import SECOND_NS, make_decision, make_status
from tests.storage.backends import BACKENDS, DictStore, prune_all

PORTFOLIOS = st.sampled_from(["main", "other"])
ROWS = st.integers(0, 12)
SYMBOLS = st.lists(st.sampled_from("ABCD"), unique=True, max_size=4).map(tuple)
# Two intervals, so that ids and times are ordered differently; few offsets, so that ids meet.
SPECS = st.tuples(PORTFOLIOS, ROWS, st.integers(0, 3), st.sampled_from([1, 3]), SYMBOLS)


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


IDS = st.none() | st.builds(
    lambda portfolio, row, offset: (
        make_decision(row, 0, portfolio=portfolio, offsets={"0": offset}).id
    ),
    PORTFOLIOS,
    ROWS,
    st.integers(0, 3),
)
TIMES = st.none() | st.builds(
    lambda row, off: row * SECOND_NS + off, st.integers(0, 40), st.integers(-1, 1)
)
QUERIES = st.builds(
    DecisionQuery,
    portfolio=PORTFOLIOS,
    after_id=IDS,
    before_id=IDS,
    start_ns=TIMES,
    end_ns=TIMES,
    with_cloud=st.booleans(),
    newest_first=st.booleans(),
    limit=st.sampled_from([0, 1, 3, 100]),
)


class StoreMachine(RuleBasedStateMachine):
    backend_name: str

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.backend = BACKENDS[self.backend_name](self.folder)
        self.store = self.backend.open()
        self.reader = self.backend.open(read_only=True)
        self.oracle = DictStore()

    @rule(specs=st.lists(SPECS, max_size=6), rows=st.lists(ROWS, max_size=2), portfolio=PORTFOLIOS)
    def append(self, specs, rows, portfolio) -> None:
        records = (
            [decision_of(spec) for spec in specs],
            [make_status(row * SECOND_NS, n=1, portfolio=portfolio) for row in rows],
        )
        assert self.store.append(*records) == self.oracle.append(*records)

    @rule(query=QUERIES)
    def read(self, query: DecisionQuery) -> None:
        found = [encode_decision(d) for d in self.reader.decisions(query)]
        assert found == [encode_decision(d) for d in self.oracle.decisions(query)]

    @rule(query=QUERIES, symbol=st.sampled_from("ABCDE"))
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


@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_a_store_answers_as_a_dict_does(name: str) -> None:
    machine = type("Machine", (StoreMachine,), {"backend_name": name})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
