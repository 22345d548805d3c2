"""Apache Kafka in KRaft mode on loopback: its settings and arguments, from a layout alone.

Each node is broker and controller. The figures beside the settings are of a machine with two
processors.
"""

from typing import Final

from cluster.jars import JarSet
from cluster.service_layout import LOOPBACK, PASSWORD_VARIABLE, Port, ServiceLayout

_VERSION = "4.3.1"
_CLIENT_PORT, _PEERS_PORT = 9092, 9093
BROKER_USER = "broker"
"""The nodes' own user of a secure service, who may do everything."""
_LEFT_OUT = (
    "scala-reflect", "commons-beanutils", "commons-collections", "commons-digester",
    "commons-logging", "jackson-dataformat-csv", "kafka-tools-api",
)  # fmt: skip
_LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %m%n
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
logger.lifecycle.name = kafka.server.BrokerLifecycleManager
logger.lifecycle.level = info
logger.signal.name = org.apache.kafka.common.utils.LoggingSignalHandler
logger.signal.level = info
"""
# Sessions of 2 s: back 3.8 s after kill -9 instead of 13.5 s. Segments of 256 MB, so that
# retention by size or time takes hold on a laptop too.
_SETTINGS = """\
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=2097152
num.network.threads=2
num.io.threads=4
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
group.consumer.min.heartbeat.interval.ms=500
group.consumer.heartbeat.interval.ms=1000
group.consumer.min.session.timeout.ms=3000
group.consumer.session.timeout.ms=6000
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.segment.bytes=268435456
log.initial.task.delay.ms=1000
"""
_LOGIN = "org.apache.kafka.common.security"
_PLAIN_LOGIN = (
    f'{_LOGIN}.plain.PlainLoginModule required username="{BROKER_USER}" '
    f'password="${{env:{PASSWORD_VARIABLE}}}" '
    f'user_{BROKER_USER}="${{env:{PASSWORD_VARIABLE}}}";'
)
# The nodes know each other by PLAIN, users log in by SCRAM; what no rule allows is refused.
_SECURE_SETTINGS = f"""\
config.providers=env
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.client.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.client.plain.sasl.jaas.config={_PLAIN_LOGIN}
listener.name.client.scram-sha-256.sasl.jaas.config={_LOGIN}.scram.ScramLoginModule required;
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={_PLAIN_LOGIN}
ssl.keystore.type=PEM
ssl.truststore.type=PEM
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{BROKER_USER}
allow.everyone.if.no.acl.found=false
connection.failed.authentication.delay.ms=100
"""


class KafkaServer:
    """Broker and controller in one process a node."""

    name: str = "kafka"
    version: str = _VERSION
    main_class: str = "kafka.Kafka"
    stop_limit_s: float = 90.0  # 0.3 to 1.2 s; 5 to 20 s where it writes its class-data archive
    lasting: tuple[str, ...] = ("data/meta.properties",)
    jars: JarSet = JarSet(
        name=f"kafka-{_VERSION}",
        title=f"Apache Kafka {_VERSION}",
        dependencies=(
            f"org.apache.kafka:kafka_2.13:{_VERSION}",
            "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
        ),
        main_jar=f"kafka_2.13-{_VERSION}.jar",
        options=(f"-DexcludeArtifactIds={','.join(_LEFT_OUT)}",),
        size_mb=39,
    )

    def ports(self, layout: ServiceLayout, node: int) -> tuple[Port, ...]:
        """Give 9092 and 9093, and two higher for each further node."""
        shift = layout.port_offset + 2 * (node - 1)
        return (
            Port("client", LOOPBACK, _CLIENT_PORT + shift),
            Port("peers", LOOPBACK, _PEERS_PORT + shift),
        )

    def files(self, layout: ServiceLayout, node: int) -> dict[str, str]:
        """Give ``server.properties`` and ``log4j2.properties``."""
        return {
            "server.properties": self._properties(layout, node),
            "log4j2.properties": _LOGGING,
        }

    def folders(self) -> tuple[str, ...]:
        """Name the folder of temporary files; its data folder it makes itself."""
        return ("tmp",)

    def jvm_options(self, layout: ServiceLayout, node: int) -> list[str]:
        """Give heap, collector and logging: 190 MB when fresh, 300 MB after load.

        Both compilers: with the first alone it took 50 MB less, 0.3 s less to start, and half as
        much again from tick to decision (2.4 ms instead of 1.7, at 1000 ticks/s).
        """
        heap = ("-Xms256m", "-Xmx512m") if layout.n_nodes == 1 else ("-Xms64m", "-Xmx256m")
        folder = layout.node_folder(node)
        return [
            *heap, "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            f"-Dlog4j2.configurationFile={(folder / 'log4j2.properties').as_uri()}",
        ]  # fmt: skip

    def arguments(self, layout: ServiceLayout, node: int) -> list[str]:
        """Give the settings file."""
        return [str(layout.node_folder(node) / "server.properties")]

    def first_run(self, layout: ServiceLayout, node: int, ids: tuple[str, ...]) -> list[str]:
        """Give the storage tool, which formats a node's data folder."""
        run = ["kafka.tools.StorageTool", "format", "-t", ids[0], "--ignore-formatted"]
        run += ["-c", *self.arguments(layout, node)]
        if layout.n_nodes == 1:
            return [*run, "--standalone"]
        voters = (f"{n}@{self.ports(layout, n)[1].address}:{ids[n]}" for n in layout.nodes)
        return [*run, "--initial-controllers", ",".join(voters)]

    def _properties(self, layout: ServiceLayout, node: int) -> str:
        client, peers = self.ports(layout, node)
        controllers = ",".join(self.ports(layout, n)[1].address for n in layout.nodes)
        listeners = f"CLIENT://{client.address},CONTROLLER://{peers.address}"
        kinds = ("SASL_SSL", "SASL_PLAINTEXT") if layout.secure else ("PLAINTEXT", "PLAINTEXT")
        replicas, in_sync = (1, 1) if layout.n_nodes == 1 else (3, 2)
        settings = f"""\
process.roles=broker,controller
node.id={node}
controller.quorum.bootstrap.servers={controllers}
listeners={listeners}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CLIENT:{kinds[0]},CONTROLLER:{kinds[1]}
inter.broker.listener.name=CLIENT
log.dirs={_escaped(str(layout.node_folder(node) / "data"))}
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
{_SETTINGS}"""
        if not layout.secure:
            return settings
        return (
            f"{settings}{_SECURE_SETTINGS}"
            f"ssl.keystore.location={_escaped(str(layout.identity_path))}\n"
            f"ssl.truststore.location={_escaped(str(layout.ca_path))}\n"
        )


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")


KAFKA: Final = KafkaServer()
"""What `cluster.local_service` starts as Kafka."""
