"""What an append writes: rows, grouped so that each batch stays within one partition."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from optimize.decision import Decision, encode_decision
from storage.cassandra.link import Call
from storage.cassandra.tables import (
    CLOUD,
    DECISION,
    ID,
    STATUS,
    Statements,
    asset_series,
    bucket_of,
    bucket_of_id,
)
from storage.records import Status, encode_status

# 20 to 100 rows a batch went out equally fast, and fewer keep a busy server within its time limit.
_ROWS_AT_ONCE = 50


class Stamp(NamedTuple):
    """Which append of which writer a row is of, and its time to live in seconds."""

    writer: uuid.UUID
    append_number: int
    ttl_s: int


class Entry(NamedTuple):
    """One row of the lists that readers walk: a bucket, a symbol or a portfolio."""

    cql: str
    values: tuple[str, ...]


def in_batches(calls: Sequence[Call]) -> Iterator[Sequence[Call]]:
    """Cut calls on one partition into batches."""
    for start in range(0, len(calls), _ROWS_AT_ONCE):
        yield calls[start : start + _ROWS_AT_ONCE]


def decision_batches(
    cql: Statements, stamp: Stamp, decisions: Iterable[Decision]
) -> list[Sequence[Call]]:
    """Give the batches that keep decisions, each within one partition."""
    batches: list[Sequence[Call]] = []
    shared: dict[tuple[str, str, str], list[Call]] = {}
    for decision in decisions:
        portfolio, bucket = decision.portfolio, bucket_of(decision.row_end_ns)
        place = (portfolio, bucket, decision.row_end_ns, decision.id)
        payload = encode_decision(decision).decode()
        # 8 kB and more each: alone they are as fast.
        batches.append([(cql.insert_decision, (*place, *stamp[:2], payload, stamp.ttl_s))])
        if decision.cloud is not None:
            shared.setdefault((cql.insert_cloud, portfolio, bucket), []).append(
                (cql.insert_cloud, (*place, *stamp))
            )
        id_bucket = bucket_of_id(portfolio, decision.id)
        id_row = (portfolio, id_bucket, decision.id, *stamp[:2], decision.row_end_ns, stamp.ttl_s)
        shared.setdefault((cql.insert_id, portfolio, id_bucket), []).append((cql.insert_id, id_row))
        shared.setdefault((cql.insert_asset, portfolio, bucket), []).extend(
            _asset_calls(cql, stamp, decision, bucket)
        )
    for calls in shared.values():
        batches.extend(in_batches(calls))
    return batches


def _asset_calls(cql: Statements, stamp: Stamp, decision: Decision, bucket: str) -> Iterator[Call]:
    numbers = zip(
        decision.prices.tolist(),
        decision.mean.tolist(),
        decision.volatility.tolist(),
        decision.skewness.tolist(),
        decision.kurtosis.tolist(),
        decision.weights.tolist(),
        decision.weight_stddev.tolist(),
        strict=True,
    )
    has_cloud = decision.cloud is not None
    for symbol, row in zip(decision.symbols, numbers, strict=True):
        place = (decision.portfolio, bucket, symbol, decision.row_end_ns, decision.id)
        yield cql.insert_asset, (*place, *stamp[:2], *row, has_cloud, stamp.ttl_s)


def status_batches(
    cql: Statements, stamp: Stamp, statuses: Iterable[Status]
) -> list[Sequence[Call]]:
    """Give the statements that keep status records."""
    return [
        [
            (
                cql.insert_status,
                (
                    status.portfolio,
                    bucket_of(status.time_ns),
                    status.time_ns,
                    *stamp[:2],
                    encode_status(status).decode(),
                    stamp.ttl_s,
                ),
            )
        ]
        for status in statuses
    ]


def entries(
    cql: Statements, decisions: Sequence[Decision], statuses: Iterable[Status]
) -> set[Entry]:
    """Give the rows of the lists that readers walk, which these records need."""
    needed = set()
    # Few differ among hundreds of decisions: each kind is looked at once.
    for portfolio, bucket, symbols, has_cloud in {
        (one.portfolio, bucket_of(one.row_end_ns), one.symbols, one.cloud is not None)
        for one in decisions
    }:
        needed.add(Entry(cql.insert_portfolio, (portfolio,)))
        needed |= bucket_entries(cql, portfolio, bucket, symbols, has_cloud=has_cloud)
    for portfolio, bucket in {
        (one.portfolio, bucket_of_id(one.portfolio, one.id)) for one in decisions
    }:
        needed.add(Entry(cql.insert_bucket, (portfolio, ID, bucket)))
    for status in statuses:
        needed.add(Entry(cql.insert_portfolio, (status.portfolio,)))
        needed.add(Entry(cql.insert_bucket, (status.portfolio, STATUS, bucket_of(status.time_ns))))
    return needed


def bucket_entries(
    cql: Statements, portfolio: str, bucket: str, symbols: Iterable[str], *, has_cloud: bool = True
) -> set[Entry]:
    """Give the entries of one bucket of decisions of some symbols."""
    names = [DECISION, *map(asset_series, symbols), *([CLOUD] if has_cloud else [])]
    return {Entry(cql.insert_bucket, (portfolio, name, bucket)) for name in names} | {
        Entry(cql.insert_symbol, (portfolio, bucket, symbol)) for symbol in symbols
    }
