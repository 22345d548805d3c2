"""The user of a Kafka of our own: who may make and use topics, and nothing else."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from ingest.broker import BrokerErrors, explain
from ingest.client_log import LOGGER

_LIMIT_S = 20.0
_ITERATIONS = 8192
# Whatever its topics, groups and transactions are called; of the cluster no more than this.
_ALL = [
    (kind, "*", AclOperation.ALL)
    for kind in (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID)
]
_CLUSTER = [
    (ResourceType.BROKER, "kafka-cluster", operation)
    for operation in (AclOperation.CREATE, AclOperation.IDEMPOTENT_WRITE)
]


def make_user(bootstrap: str, security: Mapping[str, str], user: str, password: str) -> None:
    """Give a user a password by SCRAM-SHA-256, and the rights of a pipeline; again does no harm.

    Parameters
    ----------
    bootstrap
        Where the broker is.
    security
        Settings of librdkafka that log in somebody who may do this.

    Raises
    ------
    BrokerError
        The broker refuses, or says nothing for 20 s.
    """
    errors = BrokerErrors()
    settings: dict[str, Any] = {"error_cb": errors, "logger": LOGGER, **security}
    admin = AdminClient({"bootstrap.servers": bootstrap, **settings})
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, _ITERATIONS)
    wanted = UserScramCredentialUpsertion(user, info, password.encode())
    rights = [
        AclBinding(
            kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation,
            AclPermissionType.ALLOW,
        )
        for kind, name, operation in (*_ALL, *_CLUSTER)
    ]  # fmt: skip
    answers: dict[Any, Any] = {
        **admin.alter_user_scram_credentials([wanted]),
        **admin.create_acls(rights),
    }
    try:
        for answer in answers.values():
            answer.result(_LIMIT_S)
    except KafkaException as failure:
        reason = errors.fatal or failure.args[0]
        raise explain(reason, bootstrap, f"making user {user}") from failure
