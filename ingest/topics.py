"""Topics at a broker: made, looked up, altered, and made ready for who uses them.

Kafka makes no topic at its first use where ``auto.create.topics.enable`` is off, as it should
be. The embedded broker makes them so, and only so.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, Literal

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewPartitions, NewTopic

from ingest.access import BrokerAccess, access
from ingest.broker import (
    CONNECT_TIMEOUT_S,
    BrokerError,
    BrokerErrors,
    connection,
    describe,
    explain,
    is_embedded,
    make_client,
)
from ingest.topic_specs import Difference, FoundTopic, TopicSpec

Right = Literal["READ", "WRITE"]

_REQUEST_S: Final = 30.0  # making topics waits for every replica
_MAKE_THEM: Final = "run `silverbullet topics` as a user who may make topics, or grant CREATE"


class TopicAdmin:
    """Makes and compares topics at one broker.

    Parameters
    ----------
    broker
        ``host:port``, or how to reach it.

    Attributes
    ----------
    is_embedded
        The broker is an `EmbeddedBroker`: it makes topics by itself and knows no settings.

    Raises
    ------
    BrokerError
        No broker answers at the address, or it refuses this client.
    """

    def __init__(self, broker: BrokerAccess | str) -> None:
        self._bootstrap = access(broker).bootstrap
        errors = BrokerErrors()
        self._client = make_client(AdminClient, connection(access(broker), errors))
        cluster = describe(self._client, self._bootstrap, errors)
        self.is_embedded = is_embedded(cluster)

    def find(self, names: Sequence[str], *, with_config: bool = False) -> dict[str, FoundTopic]:
        """Look topics up; those that do not exist, or may not be seen, are left out.

        Raises
        ------
        BrokerError
            The broker does not answer.
        """
        found: dict[str, FoundTopic] = {}
        answers = self._client.describe_topics(
            TopicCollection(list(names)),
            include_authorized_operations=True,
            request_timeout=CONNECT_TIMEOUT_S,
        )
        for name, answer in answers.items():
            try:
                about = answer.result()
            except KafkaException as failure:
                if failure.args[0].code() in _NOT_THERE:
                    continue
                raise explain(failure.args[0], self._bootstrap, f"topic {name}") from failure
            rights = about.authorized_operations
            found[name] = FoundTopic(
                partitions=len(about.partitions),
                replication_factor=len(about.partitions[0].replicas),
                rights=None if rights is None else frozenset(right.name for right in rights),
                config=self._config(name) if with_config else {},
            )
        return found

    def make(self, specs: Iterable[TopicSpec]) -> list[str]:
        """Make topics; gives the names of those that were made.

        One that another process makes meanwhile is taken as it is.

        Raises
        ------
        BrokerError
            The broker does not take one: no right to, or fewer brokers than replicas.
        """
        wanted = [
            NewTopic(spec.name, spec.partitions, spec.replication_factor, config=dict(spec.config))
            for spec in specs
        ]
        made: list[str] = []
        if not wanted:
            return made
        answers = self._client.create_topics(wanted, request_timeout=_REQUEST_S)
        for name, answer in answers.items():
            try:
                answer.result()
            except KafkaException as failure:
                error = failure.args[0]
                if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
                    continue
                if error.code() in _NO_RIGHT:
                    raise BrokerError(
                        f"Kafka at {self._bootstrap}: topic {name} does not exist, or this user "
                        f"may not see it, and may not make it ({error.name()}); {_MAKE_THEM}"
                    ) from failure
                raise explain(error, self._bootstrap, f"making topic {name}") from failure
            made.append(name)
        return made

    def alter(self, spec: TopicSpec, differences: Sequence[Difference]) -> None:
        """Change what can be changed in place.

        Raises
        ------
        BrokerError
            The broker does not take it.
        """
        mine = [one for one in differences if one.can_alter]
        settings = [one for one in mine if one.what != "partitions"]
        if len(settings) < len(mine):
            growth = [NewPartitions(spec.name, spec.partitions)]
            self._wait(self._client.create_partitions(growth, request_timeout=_REQUEST_S), spec)
        if settings:
            entries = [
                ConfigEntry(one.what, one.wanted, incremental_operation=AlterConfigOpType.SET)
                for one in settings
            ]
            resource = ConfigResource(ResourceType.TOPIC, spec.name, incremental_configs=entries)
            self._wait(
                self._client.incremental_alter_configs([resource], request_timeout=_REQUEST_S), spec
            )

    def _wait(self, answers: Mapping[Any, "Future[Any]"], spec: TopicSpec) -> None:
        for answer in answers.values():
            try:
                answer.result()
            except KafkaException as failure:
                doing = f"altering topic {spec.name}"
                raise explain(failure.args[0], self._bootstrap, doing) from failure

    def _config(self, name: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, name)
        (answer,) = self._client.describe_configs(
            [resource], request_timeout=CONNECT_TIMEOUT_S
        ).values()
        try:
            entries = answer.result()
        except KafkaException as failure:
            raise explain(
                failure.args[0], self._bootstrap, f"settings of topic {name}"
            ) from failure
        return {key: str(entry.value) for key, entry in entries.items()}


_NOT_THERE = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
}
_NO_RIGHT = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}


def prepare(
    broker: BrokerAccess | str, needs: Mapping[str, set[Right]], specs: Sequence[TopicSpec]
) -> list[str]:
    """Make the topics that a part needs and that are missing, and see that it may use them.

    Parameters
    ----------
    broker
        ``host:port``, or how to reach it.
    needs
        What is done with each topic.
    specs
        Of at least these topics.

    Returns
    -------
    list of str
        Those that were made; none at the embedded broker, which makes them at their first use.

    Raises
    ------
    BrokerError
        One is missing and cannot be made, or a right is; the message says what to run or grant.
    """
    admin = TopicAdmin(broker)
    if admin.is_embedded:
        return []
    found = admin.find(list(needs))
    made = admin.make(spec for spec in specs if spec.name in needs and spec.name not in found)
    for name, rights in needs.items():
        has = found[name].rights if name in found else None
        lacking = sorted(rights - has) if has is not None else []
        if lacking:
            raise BrokerError(
                f"Kafka at {access(broker)}: no right to {' and '.join(lacking)} topic {name}; "
                "grant it to this user (kafka.user)"
            )
    return made
