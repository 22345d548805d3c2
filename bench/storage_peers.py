"""The Cassandra driver alone, writing the rows that the store writes."""

import uuid
from collections.abc import Sequence

from optimize.decision import Decision
from storage.cassandra import CassandraAddress, Link
from storage.cassandra.append import Stamp, decision_batches
from storage.cassandra.tables import Statements


class BareDriver:
    """Sends the store's own statements, as many in flight, and nothing before or after them.

    Its rows count for nobody: their writer never says up to where they do.
    """

    def __init__(self, address: CassandraAddress) -> None:
        self._link = Link(address)
        self._cql = Statements(address.keyspace)
        self._writer = uuid.uuid4()

    def write(self, decisions: Sequence[Decision]) -> int:
        """Write all rows of some decisions; count these."""
        stamp = Stamp(self._writer, 1, 3600)
        self._link.run_all("writing", decision_batches(self._cql, stamp, decisions))
        return len(decisions)

    def close(self) -> None:
        """End the connections."""
        self._link.close()
