"""The servers that tests share: each answers a client, and is one for all that ask."""

import pytest
from confluent_kafka.admin import AdminClient

from storage.cassandra_probe import CassandraLogin, probe_node
from tests.services import CASSANDRA_SUPERUSER


@pytest.mark.kafka
def test_kafka_answers(kafka_bootstrap: str) -> None:
    found = AdminClient({"bootstrap.servers": kafka_bootstrap}).list_topics(timeout=10)
    assert [f"{broker.host}:{broker.port}" for broker in found.brokers.values()] == [
        kafka_bootstrap
    ]


@pytest.mark.cassandra
def test_cassandra_answers_its_superuser_and_nobody_else(cassandra_contact: str) -> None:
    host, port = cassandra_contact.split(":")
    assert probe_node(CassandraLogin(host, int(port), *CASSANDRA_SUPERUSER), 1) == ""
    assert "incorrect" in probe_node(CassandraLogin(host, int(port), "cassandra", "wrong"), 1)
    assert "1 of 2 nodes" in probe_node(CassandraLogin(host, int(port), *CASSANDRA_SUPERUSER), 2)
