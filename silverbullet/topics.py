"""The project's topics as the settings say, and what each part does with them."""

import logging
from typing import Any, Final

from ingest.consumer import TopicConsumer
from ingest.topic_specs import TopicSpec, compare
from ingest.topics import Right, TopicAdmin, prepare
from silverbullet.broker_access import broker_access
from silverbullet.options import Refused
from silverbullet.sections import Kafka

log = logging.getLogger("silverbullet")

_WEEK_MS: Final = 7 * 86_400_000
_MINUTE_MS: Final = 60_000
# Kafka drops whole segments, never the one that is written: an eighth of the time or size kept.
_SEGMENTS_KEPT: Final = 8
_LEAST_SEGMENT_BYTES: Final = 1_048_576  # Kafka's own least
_MOST_SEGMENT_BYTES: Final = 1_073_741_824

_READ: Final[set[Right]] = {"READ"}
_WRITE: Final[set[Right]] = {"WRITE"}


def topic_specs(kafka: Kafka) -> list[TopicSpec]:
    """Give the topics as the settings say."""
    kept = _retention(kafka.retention_s, kafka.retention_bytes)
    decisions = _retention(kafka.decisions_retention_s, kafka.decisions_retention_bytes)
    # What admins asked for holds after a restart, however long ago they did.
    control = _retention(0.0, kafka.retention_bytes)
    state = {
        "cleanup.policy": "compact",
        # A segment is compacted once it is closed: checkpoints of megabytes come every 10 s.
        "segment.ms": str(10 * _MINUTE_MS),
        "segment.bytes": str(64 * 1_048_576),
    }
    replicas = kafka.replication_factor
    return [
        TopicSpec(kafka.ticks_topic, kafka.ticks_partitions, replicas, kept),
        TopicSpec(kafka.rejected_topic, 1, replicas, kept),
        TopicSpec(kafka.decisions_topic, 1, replicas, decisions),
        TopicSpec(kafka.status_topic, 1, replicas, kept),
        TopicSpec(kafka.feed_topic, 1, replicas, kept),
        TopicSpec(kafka.control_topic, 1, replicas, control),
        TopicSpec(kafka.state_topic, 1, replicas, state),
    ]


def _retention(retention_s: float, retention_bytes: int) -> dict[str, str]:
    config = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    if retention_s:
        kept_ms = round(retention_s * 1000)
        config["retention.ms"] = str(kept_ms)
        config["segment.ms"] = str(min(max(kept_ms // _SEGMENTS_KEPT, _MINUTE_MS), _WEEK_MS))
    if retention_bytes:
        config["retention.bytes"] = str(retention_bytes)
        size = max(retention_bytes // _SEGMENTS_KEPT, _LEAST_SEGMENT_BYTES)
        config["segment.bytes"] = str(min(size, _MOST_SEGMENT_BYTES))
    return config


def needs_of_run(kafka: Kafka) -> dict[str, set[Right]]:
    """Give what ``run`` does with each topic."""
    return {
        kafka.ticks_topic: _READ,
        kafka.rejected_topic: _WRITE,
        kafka.decisions_topic: _READ | _WRITE,
        kafka.status_topic: _WRITE,
        kafka.control_topic: _READ,
        kafka.state_topic: _READ | _WRITE,
    }


def needs_of_record(kafka: Kafka) -> dict[str, set[Right]]:
    """Give what ``record`` does with each topic."""
    return {kafka.decisions_topic: _READ, kafka.status_topic: _READ}


def needs_of_feeds(kafka: Kafka) -> dict[str, set[Right]]:
    """Give what a feed of ticks does with each topic: it goes on where the topic ends."""
    return {kafka.ticks_topic: _READ | _WRITE}


def needs_of_live_feeds(kafka: Kafka) -> dict[str, set[Right]]:
    """Give what a live feed does with each topic."""
    return {kafka.ticks_topic: _WRITE, kafka.feed_topic: _WRITE}


def prepare_topics(kafka: Kafka, needs: dict[str, set[Right]]) -> None:
    """Make the topics that are missing.

    Raises
    ------
    BrokerError
        One cannot be made, or this user may not use it as needed.
    """
    made = prepare(broker_access(kafka), needs, topic_specs(kafka))
    if made:
        log.info("made topics %s", ", ".join(made))


def ticks_partitions(kafka: Kafka) -> tuple[int, ...]:
    """Give the partitions of the topic of ticks; as the settings say where it does not exist yet.

    Raises
    ------
    BrokerError
        The broker does not answer or refuses.
    """
    with TopicConsumer(broker_access(kafka), []) as reader:
        made = range(1 if reader.is_embedded else kafka.ticks_partitions)
        return reader.partitions(kafka.ticks_topic) or tuple(made)


def arrange(kafka: Kafka, *, alter: bool) -> list[dict[str, Any]]:
    """Make missing topics, compare the others and, where asked to, change them.

    Returns
    -------
    list of dict
        A topic each: ``topic``, ``state`` (``made``, ``as set``, ``altered``, ``altered in part``,
        ``differs``) and ``differences``, in words.

    Raises
    ------
    BrokerError
        The broker does not answer or refuses.
    Refused
        It is an embedded one, which makes topics by itself.
    """
    admin, specs = TopicAdmin(broker_access(kafka)), topic_specs(kafka)
    if admin.is_embedded:
        raise Refused(f"the broker at {kafka.bootstrap} is embedded: it makes topics by itself")
    found = admin.find([spec.name for spec in specs], with_config=True)
    made = set(admin.make(spec for spec in specs if spec.name not in found))
    rows = []
    for spec in specs:
        differences = compare(spec, found[spec.name]) if spec.name in found else []
        state = "made" if spec.name in made else "differs" if differences else "as set"
        if alter and any(one.can_alter for one in differences):
            admin.alter(spec, differences)
            is_mended = all(one.can_alter for one in differences)
            state = "altered" if is_mended else "altered in part"
        rows.append({"topic": spec.name, "state": state, "differences": [*map(str, differences)]})
    return rows
