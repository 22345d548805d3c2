"""The connections to a cluster: statements out, rows and errors in words back.

The driver takes statements as not repeatable; all of ours are, because every row is written whole
under its key.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cassandra import (
    AuthenticationFailed,
    DriverException,
    InvalidRequest,
    OperationTimedOut,
    RequestExecutionException,
    Unauthorized,
)
from cassandra.cluster import Cluster, NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.protocol import ErrorMessage
from cassandra.query import BatchStatement, BatchType, PreparedStatement

from storage.cassandra.address import CassandraAddress
from storage.cassandra.driver import RECONNECT_S, make_cluster
from storage.cassandra.errors import Cause, explain
from storage.protocol import StoreError

Row = tuple[Any, ...]
Call = tuple[str, Row]  # a CQL statement and its values

_ERRORS = (
    DriverException, NoHostAvailable, ConnectionException, ConnectionBusy, ErrorMessage,
)  # fmt: skip
_ABSENT = ("does not exist", "unconfigured table", "doesn't exist")
# The driver tells each failed attempt at length; what it raises is told by us in one line.
logging.getLogger("cassandra").setLevel(logging.CRITICAL)


def _told(error: BaseException) -> list[BaseException]:
    """List what the nodes answered; none where no node was asked."""
    errors = getattr(error, "errors", None)
    # The driver gives a list of names instead where none of them is of the data centre.
    return list(errors.values()) if isinstance(errors, dict) else []


def _cause(error: BaseException) -> Cause:
    """Tell what an error of the driver's means."""
    told = _told(error)
    errors = [error, *told]
    kinds: tuple[tuple[Cause, bool], ...] = (
        ("login", any(isinstance(e, AuthenticationFailed) for e in errors)),
        ("forbidden", isinstance(error, Unauthorized)),
        ("absent", isinstance(error, InvalidRequest) and any(w in str(error) for w in _ABSENT)),
        ("timeout", isinstance(error, OperationTimedOut | RequestExecutionException)),
        ("datacenter", isinstance(error, NoHostAvailable) and not told),
        ("tls", any("CERTIFICATE_VERIFY_FAILED" in str(e) for e in errors)),
        ("unreachable", isinstance(error, NoHostAvailable | ConnectionException | ConnectionBusy)),
    )
    return next((cause for cause, holds in kinds if holds), "refused")


def _detail(error: BaseException, address: CassandraAddress) -> str:
    """Take the words that say why, without the driver's list of addresses."""
    if isinstance(error, OperationTimedOut):  # its own words name calls of the driver
        return f"{address.request_timeout_s:g} s"
    return str(next(iter(_told(error)), error)).rpartition("Last error: ")[2]


class Link:
    """Sessions of one program, made at first use; any number of threads may share it."""

    def __init__(self, address: CassandraAddress) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._cluster: Cluster | None = None
        self._session: Session | None = None
        self._prepared: dict[str, PreparedStatement] = {}
        self._closed = False
        self._refused: BaseException | None = None
        self._next_try_s = 0.0

    def read(self, doing: str, cql: str, values: Row = (), page_rows: int = 1000) -> Iterator[Row]:
        """Send a query now; the rows come, page by page, as they are asked for."""
        with self._explained(doing):
            bound = self._statement(cql).bind(values)
            bound.fetch_size = page_rows
            future = self._connected().execute_async(bound)
        return self._rows(doing, future)

    def run(self, doing: str, cql: str, values: Row = ()) -> list[Row]:
        """Run one statement to its end."""
        return list(self.read(doing, cql, values))

    def run_plain(self, doing: str, cql: str, timeout_s: float) -> None:
        """Run a statement that is not prepared: one that makes keyspaces or tables."""
        with self._explained(doing):
            self._connected().execute(cql, timeout=timeout_s)

    def run_all(self, doing: str, batches: Sequence[Sequence[Call]]) -> list[list[Row]]:
        """Run many at once, as many in flight as the address allows; answers in their order.

        A batch of more than one statement must stay within one partition: that is one write for
        the server, all or none.
        """
        if not batches:
            return []
        with self._explained(doing):
            statements = [(self._batch(batch), ()) for batch in batches]
            at_once = self.address.requests_in_flight
            found = execute_concurrent(self._connected(), statements, concurrency=at_once)
            return [list(result) for _, result in found]

    def close(self) -> None:
        """End all connections; safe to call twice."""
        with self._lock:
            self._closed = True
            cluster, self._cluster, self._session = self._cluster, None, None
        if cluster is not None:
            cluster.shutdown()

    def _batch(self, calls: Sequence[Call]) -> Any:
        if len(calls) == 1:
            cql, values = calls[0]
            return self._statement(cql).bind(values)
        batch = BatchStatement(BatchType.UNLOGGED)
        for cql, values in calls:
            batch.add(self._statement(cql).bind(values))
        batch.is_idempotent = True
        return batch

    def _rows(self, doing: str, future: Any) -> Iterator[Row]:
        with self._explained(doing):
            yield from future.result()

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except _ERRORS as error:
            cause, detail = _cause(error), _detail(error, self.address)
            if cause == "datacenter" and self._knows_nodes():
                cause, detail = "unreachable", "all its nodes are away"
            raise explain(cause, detail, self.address, doing) from error

    def _knows_nodes(self) -> bool:
        """Tell whether the data centre is there, whose nodes may all be away."""
        cluster = self._cluster
        return cluster is not None and any(
            host.datacenter == self.address.local_dc for host in cluster.metadata.all_hosts()
        )

    def _statement(self, cql: str) -> PreparedStatement:
        prepared = self._prepared.get(cql)
        if prepared is None:
            prepared = self._connected().prepare(cql)
            # A lightweight transaction may have been applied although no answer came.
            prepared.is_idempotent = " IF " not in cql
            self._prepared[cql] = prepared
        return prepared

    def _connected(self) -> Session:
        session = self._session
        if session is not None:
            return session
        with self._lock:
            if self._closed:
                raise StoreError(f"using {self.address.place}: the store is closed; open it again")
            if self._session is None:
                self._connect()
            return self._session

    def _connect(self) -> None:
        # A server's threads all come here while nobody answers: one try a second is enough.
        if self._refused is not None and time.monotonic() < self._next_try_s:
            raise self._refused
        cluster = make_cluster(self.address)
        try:
            self._session = cluster.connect()
        except BaseException as error:
            self._refused = error if isinstance(error, NoHostAvailable) else None
            self._next_try_s = time.monotonic() + RECONNECT_S
            cluster.shutdown()
            raise
        self._cluster = cluster
