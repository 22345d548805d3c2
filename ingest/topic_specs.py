"""Topics as they should be, compared with topics as a broker has them; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be.

    Attributes
    ----------
    name, partitions, replication_factor
        As in Kafka.
    config
        Settings of the topic that differ from the broker's own.
    """

    name: str
    partitions: int = 1
    replication_factor: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as a broker has it; ``rights`` is None where the broker does not say."""

    partitions: int
    replication_factor: int
    rights: frozenset[str] | None = None
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a topic is not as it should be.

    Attributes
    ----------
    what
        ``partitions``, ``replication factor`` or a setting's name.
    found, wanted
        Values.
    can_alter
        Whether `TopicAdmin.alter` changes it.
    """

    what: str
    found: str
    wanted: str
    can_alter: bool

    def __str__(self) -> str:
        text = f"{self.what} is {self.found}, the settings say {self.wanted}"
        return text if self.can_alter else f"{text} (Kafka cannot change that in place)"


def compare(spec: TopicSpec, found: FoundTopic) -> list[Difference]:
    """Find where a topic differs from what it should be."""
    differences = []
    if found.partitions != spec.partitions:
        # Fewer is impossible, and more moves keys to other partitions: symbols lose their order
        # for as long as old ticks are read.
        grows = found.partitions < spec.partitions
        differences.append(
            Difference("partitions", str(found.partitions), str(spec.partitions), grows)
        )
    if found.replication_factor != spec.replication_factor:
        differences.append(
            Difference(
                "replication factor", str(found.replication_factor),
                str(spec.replication_factor), can_alter=False,
            )
        )  # fmt: skip
    for key, wanted in spec.config.items():
        has = found.config.get(key)
        if has is not None and has != wanted:
            differences.append(Difference(key, has, wanted, can_alter=True))
    return differences
