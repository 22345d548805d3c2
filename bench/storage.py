"""``bench storage``: decisions written and read on SQLite and Cassandra, beside the bare driver."""

import contextlib
import functools
import itertools
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.contest import Case, Contender, measure_case, returned
from bench.machine import describe_machine, describe_versions, with_end_load
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.rows import OURS, Row
from bench.storage_peers import BareDriver
from bench.storage_records import FIRST_ROW, SYMBOLS, sample_decision
from storage.cassandra import CassandraAddress, CassandraStore, Link
from storage.protocol import DecisionQuery, Store
from storage.sqlite import SqliteStore

SECONDS = 2.0
REPETITIONS = 5
SQLITE = "SQLite"
BOUND = "bound"  # the driver alone: the same rows, neither looked up before nor made to count
_HELD = 1000
_BULK = 500
_LONG_S = 1e9
_DROP_S = 60.0


def run_bench(
    address: CassandraAddress,
    seconds: float = SECONDS,
    repetitions: int = REPETITIONS,
    output: Path | None = None,
) -> Report:
    """Measure both stores.

    Parameters
    ----------
    address
        A Cassandra to measure, in a keyspace that ends with the benchmark.
    seconds
        Least length of each contender's turn in a repetition.
    repetitions
        Turns of each contender.
    output
        Folder of the kept JSON; by default in the user's data folder.

    Raises
    ------
    StoreError
        Cassandra does not answer, or refuses.
    WrongResultError
        The stores answer differently.
    """
    machine = describe_machine(scheduling="normal")
    rows: list[Row] = []
    with _stores(address) as (stores, bare), Console(stderr=True).status("filling") as line:
        cases = [*_writes(stores, bare), *_reads(stores)]
        for number, case in enumerate(cases, 1):
            line.update(f"{number} of {len(cases)}: {case.name}")
            rows += measure_case(case, seconds, repetitions, time.perf_counter_ns)
    report = Report(
        bench="storage",
        notes=NOTES["storage"],
        machine=with_end_load(machine),
        versions=describe_versions(("cassandra-driver",)),
        rows=tuple(rows),
    )
    keep_report(report, output)
    return report


@contextlib.contextmanager
def _stores(address: CassandraAddress) -> Iterator[tuple[dict[str, Store], BareDriver]]:
    # Of its own: what an earlier run wrote would be known, and take no time at all.
    own = replace(address, keyspace=f"silverbullet_bench_{uuid.uuid4().hex[:12]}")
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(_drop, own)
        cassandra = stack.enter_context(CassandraStore(own, retention_s=_LONG_S))
        sqlite = stack.enter_context(SqliteStore(Path(folder) / "bench.sqlite"))
        bare = BareDriver(own)
        stack.callback(bare.close)
        yield {OURS: cassandra, SQLITE: sqlite}, bare


def _drop(address: CassandraAddress) -> None:
    link = Link(address)
    link.run_plain("clearing", f"DROP KEYSPACE IF EXISTS {address.keyspace}", _DROP_S)
    link.close()


def _writes(stores: dict[str, Store], bare: BareDriver) -> list[Case]:
    """Time one decision a call, as a pipeline sends them, and many, as after an absence."""
    cases = []
    rows = itertools.count(FIRST_ROW)
    for n, name in ((1, "write 1 decision, 50 assets"), (_BULK, "write 500, 50 assets each")):

        def batch(n: int = n) -> tuple[list[Any]]:
            return ([sample_decision(next(rows)) for _ in range(n)],)

        writers: dict[str, Callable[..., int]] = {
            subject: (lambda decisions, store=store: store.append(decisions, []))
            for subject, store in stores.items()
        }
        writers[BOUND] = bare.write
        contenders = tuple(
            Contender(subject, call, batch, returned, per_call=n)
            for subject, call in writers.items()
        )
        cases.append(Case(name, "ms a decision", contenders, _unequal))
    return cases


def _reads(stores: dict[str, Store]) -> Iterator[Case]:
    """Time what a page asks for; both stores hold the same newest decisions."""
    held = [sample_decision(2 * FIRST_ROW + row) for row in range(_HELD)]
    for store in stores.values():
        store.append(held, [])
    newest, page = DecisionQuery(limit=1), DecisionQuery(limit=100)
    after = DecisionQuery(after_id=held[-2].id, newest_first=False)
    history = DecisionQuery(limit=_HELD)
    reads: dict[str, Callable[[Store], list[str]]] = {
        "read the newest decision": lambda s: [d.id for d in s.decisions(newest)],
        "read what came after one": lambda s: [d.id for d in s.decisions(after)],
        "read the newest 100": lambda s: [d.id for d in s.decisions(page)],
        "read 1000 rows of an asset": lambda s: [
            row.decision_id for row in s.asset_history(SYMBOLS[0], history)
        ],
    }
    for name, read in reads.items():
        contenders = tuple(
            Contender(subject, read, functools.partial(_as_arguments, store), returned)
            for subject, store in stores.items()
        )
        yield Case(name, "ms", contenders, _unequal)


def _as_arguments(store: Store) -> tuple[Store]:
    return (store,)


def _unequal(first: Any, other: Any) -> str:
    return "" if first == other else f"{str(other)[:60]} instead of {str(first)[:60]}"
