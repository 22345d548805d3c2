"""Apache Cassandra on loopback: its settings and arguments, from a layout alone.

The figures beside the settings are of a machine with two processors.
"""

from pathlib import Path
from typing import Final

from cluster.jars import JarSet, other_platforms
from cluster.service_layout import LOOPBACK, Port, ServiceLayout

_VERSION = "5.0.8"
_CLIENT_PORT, _PEERS_PORT, _JMX_PORT = 9042, 7000, 7199
# `batch` lost none of 15 174 acknowledged writes at kill -9, at 1.2 ms a write; `periodic`, the
# server's default, lost the last 64, and `group` takes 10 ms a write.
_SETTINGS = """\
cluster_name: silverbullet
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
dynamic_snitch: false
num_tokens: 1
start_native_transport: true
commitlog_sync: batch
commitlog_segment_size: 16MiB
commitlog_total_space: 256MiB
disk_access_mode: standard
memtable_allocation_type: heap_buffers
file_cache_size: 64MiB
concurrent_compactors: 1
auto_snapshot: false
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
storage_compatibility_mode: NONE
disk_failure_policy: die
commit_failure_policy: die
uuid_sstable_identifiers_enabled: true
auto_hints_cleanup_enabled: true
hinted_handoff_throttle: 16MiB
hints_flush_period: 1s
paxos_variant: v2
paxos_state_purging: gc_grace
memtable:
  configurations:
    skiplist:
      class_name: SkipListMemtable
    trie:
      class_name: TrieMemtable
    default:
      inherits: trie
sstable:
  selected_format: bti
batch_size_warn_threshold: 64KiB
batch_size_fail_threshold: 640KiB
"""
_LOGGING = """\
<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{yyyy-MM-dd HH:mm:ss} %level %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="console"/></root>
</configuration>
"""
_EXPORTED = (
    "java.base/jdk.internal.misc", "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.management/com.sun.jmx.remote.security",
    "java.rmi/sun.rmi.registry", "java.rmi/sun.rmi.server", "java.sql/java.sql",
    "jdk.unsupported/sun.misc", "jdk.attach/sun.tools.attach",
    "jdk.compiler/com.sun.tools.javac.file",
)  # fmt: skip
_OPENED = (
    *(f"java.base/{name}" for name in (
        "java.lang", "java.lang.module", "java.lang.reflect", "java.io", "java.nio", "java.util",
        "sun.nio.ch", "jdk.internal.loader", "jdk.internal.ref", "jdk.internal.reflect",
        "jdk.internal.math", "jdk.internal.module", "jdk.internal.util.jar",
    )),
    "jdk.management/com.sun.management.internal", "jdk.compiler/com.sun.tools.javac",
)  # fmt: skip
_PROPERTIES = (
    "jdk.attach.allowAttachSelf=true",
    "io.netty.tryReflectionSetAccessible=true",
    "io.netty.allocator.useCacheForAllThreads=true",
    "io.netty.allocator.maxOrder=11",
    "chronicle.analytics.disable=true",
    "java.net.preferIPv4Stack=true",
    "cassandra-foreground=yes",
    "cassandra.skip_wait_for_gossip_to_settle=0",
    "cassandra.ring_delay_ms=3000",
    "cassandra.shutdown_announce_in_ms=0",
)


class CassandraServer:
    """One process a node; several share the ports on addresses of their own."""

    name: str = "cassandra"
    version: str = _VERSION
    main_class: str = "org.apache.cassandra.service.CassandraDaemon"
    stop_limit_s: float = 90.0  # 3 s; 8 to 25 s where it writes its class-data archive
    lasting: tuple[str, ...] = ()
    jars: JarSet = JarSet(
        name=f"cassandra-{_VERSION}",
        title=f"Apache Cassandra {_VERSION}",
        dependencies=(f"org.apache.cassandra:cassandra-all:{_VERSION}",),
        main_jar=f"cassandra-all-{_VERSION}.jar",
        options=(f"-DexcludeClassifiers={other_platforms()}",),
        size_mb=62,
    )

    def ports(self, layout: ServiceLayout, node: int) -> tuple[Port, ...]:
        """Give 9042 and 7000 of 127.0.0.<node>, and 7199 and up unless it is secure.

        Who may use JMX may run code of their own in the server: it asks for a password too.
        """
        host = f"127.0.0.{node}"
        jmx = Port("jmx", LOOPBACK, _JMX_PORT + layout.port_offset + node - 1)
        return (
            Port("client", host, _CLIENT_PORT + layout.port_offset),
            Port("peers", host, _PEERS_PORT + layout.port_offset),
            *(() if layout.secure else (jmx,)),
        )

    def files(self, layout: ServiceLayout, node: int) -> dict[str, str]:
        """Give ``cassandra.yaml`` and ``logback.xml``."""
        return {"cassandra.yaml": self._yaml(layout, node), "logback.xml": _LOGGING}

    def folders(self) -> tuple[str, ...]:
        """Name the folders that it does not make itself."""
        return ("tmp", "logs", "triggers")

    def jvm_options(self, layout: ServiceLayout, node: int) -> list[str]:
        """Give heap, collector, opened packages and properties: 470 MB fresh, 730 after load."""
        folder = layout.node_folder(node)
        heap = "-Xmx512m" if layout.n_nodes == 1 else "-Xmx384m"
        given: dict[str, object] = {
            "java.io.tmpdir": folder / "tmp",
            "cassandra.config": (folder / "cassandra.yaml").as_uri(),
            "cassandra.storagedir": folder,
            "cassandra.logdir": folder / "logs",
            "cassandra.triggers_dir": folder / "triggers",
            "logback.configurationFile": (folder / "logback.xml").as_uri(),
        }
        for port in self.ports(layout, node):
            if port.use == "jmx":
                given["cassandra.jmx.local.port"] = port.number
                given["com.sun.management.jmxremote.authenticate"] = "true"
                given["com.sun.management.jmxremote.password.file"] = jmx_users_path(layout)
        if layout.n_nodes == 1:
            given["cassandra.superuser_setup_delay_ms"] = 0
        else:
            given["cassandra.superuser_setup_delay_ms"] = 1000
            given["cassandra.system_auth.default_rf"] = layout.n_nodes
            given["cassandra.consistent.rangemovement"] = "false"
        if not layout.secure:
            given["cassandra.auth_bcrypt_gensalt_log2_rounds"] = 4  # the password is well known
        return [
            *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTED),
            *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENED),
            "-Xms128m", heap, "-XX:MaxDirectMemorySize=256m", "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", "-XX:+PerfDisableSharedMem", "-XX:+ExitOnOutOfMemoryError",
            *(f"-D{text}" for text in _PROPERTIES),
            *(f"-D{name}={value}" for name, value in given.items()),
        ]  # fmt: skip

    def arguments(self, layout: ServiceLayout, node: int) -> list[str]:  # noqa: ARG002
        """Give nothing: all stands in the properties."""
        return []

    def first_run(
        self,
        layout: ServiceLayout,  # noqa: ARG002 - the signature is the protocol's
        node: int,  # noqa: ARG002
        ids: tuple[str, ...],  # noqa: ARG002
    ) -> list[str]:
        """Give nothing: it makes its files at its start."""
        return []

    def _yaml(self, layout: ServiceLayout, node: int) -> str:
        client, peers = self.ports(layout, node)[:2]
        seeds = ",".join(self.ports(layout, n)[1].host for n in layout.nodes)
        token = 0 if layout.n_nodes == 1 else -(2**63) + (node - 1) * 2**64 // layout.n_nodes
        settings = f"""\
{_SETTINGS}initial_token: "{token}"
listen_address: {peers.host}
rpc_address: {client.host}
storage_port: {peers.number}
native_transport_port: {client.number}
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "{seeds}"
"""
        if not layout.secure:
            return settings
        return f"""\
{settings}client_encryption_options:
  enabled: true
  optional: false
  require_client_auth: false
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
  keystore: {_quoted(str(layout.identity_path))}
"""


def jmx_users_path(layout: ServiceLayout) -> Path:
    """Give where Java finds who may use JMX, and by which password."""
    return layout.folder / "jmx.password"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


CASSANDRA: Final = CassandraServer()
"""What `cluster.local_service` starts as Cassandra."""
