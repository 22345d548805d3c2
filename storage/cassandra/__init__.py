"""The store on Apache Cassandra: `store` is its face, `tables` its design, the rest by subject."""

from storage.cassandra.address import CassandraAddress
from storage.cassandra.link import Link
from storage.cassandra.schema import SCHEMA_VERSION, apply_schema
from storage.cassandra.store import CassandraStore

__all__ = [
    "SCHEMA_VERSION",
    "CassandraAddress",
    "CassandraStore",
    "Link",
    "apply_schema",
]
