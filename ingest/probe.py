"""Whether a Kafka really answers: a client of its own that asks once."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ingest.broker import BrokerErrors
from ingest.client_log import LOGGER

_ANSWER_S = 2.0


def probe_broker(bootstrap: str, n_brokers: int, security: Mapping[str, str]) -> str:
    """Ask a Kafka for its brokers.

    Parameters
    ----------
    bootstrap
        Any of them, ``host:port`` with commas between.
    n_brokers
        How many there must be.
    security
        Settings of librdkafka that log in; empty where the broker asks for none.

    Returns
    -------
    str
        Why it is not ready; empty if it is.
    """
    errors = BrokerErrors()
    settings: dict[str, Any] = {
        "bootstrap.servers": bootstrap, "error_cb": errors, "logger": LOGGER, "log_level": 0,
        **security,
    }  # fmt: skip
    client = AdminClient(settings)
    try:
        found = len(client.list_topics(timeout=_ANSWER_S).brokers)
    except KafkaException as failure:
        client.poll(0)  # lets the error callback say why
        return str((errors.fatal or failure.args[0]).str())
    return "" if found >= n_brokers else f"{found} of {n_brokers} brokers are there"
