"""librdkafka's lines in plain words, each cause once."""

import logging

import pytest

from ingest.kafka_log import OncePerCause, plain

REFUSED = (
    "FAIL [rdkafka#consumer-{k}] [thrd:127.0.0.1:9092/bootstrap]: 127.0.0.1:9092/bootstrap: "
    "Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after {k}ms in state CONNECT{more})"
)
SAID = "Kafka at 127.0.0.1:9092: connection refused; it is tried again until it answers"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (REFUSED.format(k=3, more=""), SAID),
        (REFUSED.format(k=1, more=", 1 identical error(s) suppressed"), SAID),
        (
            "FAIL [rdkafka#producer-1] [thrd:kafka.example:9092/1]: kafka.example:9092/1: "
            "Disconnected: connection closed by peer: receive 0 after POLLIN "
            "(after 31ms in state UP)",
            "Kafka at kafka.example:9092: connection lost; it is tried again until it answers",
        ),
        (
            "FAIL [rdkafka#consumer-2] [thrd:GroupCoordinator]: GroupCoordinator: [::1]:44969: "
            "Disconnected (after 1ms in state UP)",
            "Kafka at [::1]:44969: connection lost; it is tried again until it answers",
        ),
        (
            "FAIL [rdkafka#consumer-2] [thrd:GroupCoordinator]: GroupCoordinator: Disconnected: "
            "connection closed by peer: receive 0 after POLLIN (after 27ms in state UP)",
            "Kafka's group coordinator: connection lost; it is tried again until it answers",
        ),
        (
            "FAIL [rdkafka#producer-1] [thrd:sasl_ssl://k.example:9093/bootstrap]: "
            "sasl_ssl://k.example:9093/bootstrap: Failed to resolve 'k.example:9093': Name or "
            "service not known (after 5ms in state CONNECT)",
            "Kafka at k.example:9093: failed to resolve 'k.example:9093': Name or service not "
            "known; it is tried again until it answers",
        ),
        (
            "FAIL [rdkafka#producer-2] [thrd:TxnCoordinator]: TxnCoordinator: 127.0.0.1:9092: "
            "Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state INIT)",
            SAID,
        ),
        (
            "FAIL [rdkafka#producer-2] [thrd:TxnCoordinator]: TxnCoordinator: Disconnected",
            "Kafka's transaction coordinator: connection lost; it is tried again until it answers",
        ),
        (
            "FAIL [rdkafka#consumer-1] [thrd:sasl_ssl://k.example:9093/bootstrap]: "
            "sasl_ssl://k.example:9093/bootstrap: SASL authentication error: Authentication failed",
            "Kafka at k.example:9093: SASL authentication error: Authentication failed; it is "
            "tried again until it answers",
        ),
        (
            "CONFWARN [rdkafka#consumer-1] [thrd:app]: Configuration property x is deprecated",
            "Kafka client: Configuration property x is deprecated",
        ),
        ("something else", "something else"),
    ],
)
def test_lines_in_plain_words(line: str, said: str) -> None:
    assert plain(line) == said


def record(line: str, at_s: float) -> logging.LogRecord:
    made = logging.LogRecord("ingest.kafka", logging.ERROR, "", 0, "%s", (line,), None)
    made.created = at_s
    return made


def test_a_cause_is_told_once_a_minute_while_it_lasts() -> None:
    gate = OncePerCause()

    def told(line: str, at_s: float) -> bool:
        return gate.filter(record(line, at_s))

    # Half an hour of tries by several clients.
    tries_s = [k * 0.5 for k in range(3600)]
    heard_s = [at_s for at_s in tries_s if told(REFUSED.format(k=int(at_s) % 7, more=""), at_s)]
    assert heard_s == [60.0 * minute for minute in range(30)]
    assert told(REFUSED.format(k=1, more="").replace("9092", "9093"), 1799.6)  # another broker
    assert not told(REFUSED.format(k=1, more=""), 1799.9)
    assert told(REFUSED.format(k=1, more=""), 1901)
    gate.forget()
    assert told(REFUSED.format(k=1, more=""), 1902)


def test_what_is_remembered_is_bounded() -> None:
    gate = OncePerCause()
    for k in range(5000):
        gate.filter(record(f"FAIL [c] host{k}:{9000 + k}/1: Disconnected", float(k) / 1e6))
    assert len(gate._told_s) == 256


def test_the_record_keeps_its_level_and_takes_the_plain_text() -> None:
    made = record(REFUSED.format(k=1, more=""), 0)
    assert OncePerCause().filter(made)
    assert (made.levelno, made.getMessage()) == (logging.ERROR, SAID)
