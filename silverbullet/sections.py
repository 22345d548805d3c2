"""The tables of the settings file: every setting with its range, its default and what it is."""

from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import NoDecode

from ingest.access import SaslMechanism, SecurityProtocol

# 31 years: as ns, and added to the time of today, they still fit 63 bits.
_LONGEST_S = 1e9
Positive = Annotated[float, Field(gt=0, le=_LONGEST_S)]
NotNegative = Annotated[float, Field(ge=0, le=_LONGEST_S)]
EngineName = Literal["ray", "spark", "local"]


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kafka(Section):
    """Where ticks come from and decisions go."""

    bootstrap: str = Field("", description="host:port of the broker; `demo` sets it by itself")
    security_protocol: SecurityProtocol = Field(
        "plaintext", description="plaintext, ssl, sasl_plaintext or sasl_ssl"
    )
    sasl_mechanism: SaslMechanism = Field(
        "SCRAM-SHA-256", description="SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN"
    )
    user: str = Field("", description="user of SASL")
    password: SecretStr = Field(
        SecretStr(""), description="password of kafka.user; from the environment only"
    )
    password_file: str = Field("", description="file that holds the password instead")
    ca_file: str = Field("", description="certificates to trust (PEM); none: the system's")
    certificate_file: str = Field("", description="own certificate (PEM), where brokers ask for it")
    key_file: str = Field("", description="key of kafka.certificate_file (PEM)")
    ticks_topic: str = Field("ticks", description="topic of ticks, keyed by symbol")
    rejected_topic: str = Field("ticks.rejected", description="topic of refused ticks")
    decisions_topic: str = Field("decisions", description="topic of decisions")
    status_topic: str = Field("status", description="topic of status records")
    control_topic: str = Field("control", description="topic of what admins ask of `run`")
    feed_topic: str = Field("feed.status", description="topic of what live feeds tell")
    state_topic: str = Field("state", description="compacted topic of checkpoints of `run`")
    ticks_partitions: int = Field(
        1,
        ge=1,
        le=1_000,
        description="partitions of the topic of ticks when it is made",
    )
    replication_factor: int = Field(
        1, ge=1, le=32, description="replicas of each topic when it is made"
    )
    retention_s: NotNegative = Field(
        604_800.0, description="how long the broker keeps ticks and status, 0: for ever"
    )
    retention_bytes: int = Field(
        0, ge=0, lt=2**63, description="most it keeps of each partition of those, 0: no limit"
    )
    decisions_retention_s: NotNegative = Field(
        0.0, description="how long the broker keeps decisions, 0: for ever"
    )
    decisions_retention_bytes: int = Field(
        0, ge=0, lt=2**63, description="most it keeps of decisions, 0: no limit"
    )
    transaction_s: float = Field(
        10.0,
        ge=0.1,
        le=30.0,
        description="how long `run` keeps a transaction open: readers of committed messages see "
        "decisions so late, and at each end all wait some 8 ms",
    )
    fetch_wait_max_ms: int = Field(
        100, ge=0, le=10_000, description="longest wait of a fetch; 1 to 5 on the embedded broker"
    )


class Ticks(Section):
    """What is admitted."""

    max_symbols: int = Field(512, ge=1, le=10_000, description="most symbols; newer are refused")
    allowed_lateness_s: NotNegative = Field(
        0.0, description="how long a row waits for ticks behind the newest event time"
    )
    future_tolerance_s: NotNegative = Field(
        60.0, description="how far an event time may be ahead of its Kafka timestamp"
    )


class Window(Section):
    """The windows of the statistics."""

    # A row shorter than a millisecond holds no more than one message of Kafka's own clock.
    sample_interval_s: float = Field(1.0, ge=1e-3, le=366 * 86_400.0, description="length of a row")
    rows: int = Field(300, ge=2, le=100_000, description="rows in the grid window")
    ticks: int = Field(1000, ge=2, le=1_000_000, description="ticks an asset in the tick window")
    min_observations: int = Field(30, ge=2, description="rows before the first decision")
    stale_after: int = Field(120, ge=1, description="rows without a tick before an asset leaves")

    @property
    def sample_interval_ns(self) -> int:
        """Length of a row in ns."""
        return round(self.sample_interval_s * 1e9)


class Optimize(Section):
    """What is optimised and how."""

    method: Literal["resample", "exact"] = Field("resample", description="how weights are found")
    objective: Literal["max_sharpe", "min_variance"] = Field(
        "max_sharpe", description="what is optimised"
    )
    mean: Literal["bayes_stein", "sample"] = Field("bayes_stein", description="estimator of means")
    covariance: Literal["oas", "sample"] = Field("oas", description="estimator of covariances")
    max_weight: float = Field(1.0, gt=0, le=1, description="cap of each weight")
    n_draws: int = Field(1024, ge=1, le=1_000_000, description="posterior draws a decision")
    block_size: int = Field(32, ge=1, le=100_000, description="draws in a block")
    seed: int = Field(1, ge=0, lt=2**63, description="key of the random draws")
    deadline_s: Positive = Field(1.0, description="a decision that took longer is marked late")
    cloud_points: int = Field(500, ge=0, le=20_000, description="portfolios in the cloud, 0: none")
    cloud_interval_s: Positive = Field(1.0, description="least time between two clouds")


class Decide(Section):
    """When a decision is made."""

    portfolio: str = Field(
        "main", pattern=r"^[a-z0-9_-]{1,32}$", description="name of the portfolio"
    )
    trigger: Literal["row", "tick"] = Field("row", description="what starts a decision")
    conflate: bool = Field(
        True, description="skip and count rows that could not be decided in time"
    )
    min_interval_s: NotNegative = Field(0.0, description="least time between two decisions")
    checkpoint_interval_s: NotNegative = Field(
        10.0, description="least time between two checkpoints, 0: none; large ones are rarer"
    )


def _split(value: Any) -> Any:
    """Take a list written as one word, as the environment has it: ``ray,spark``."""
    return value.split(",") if isinstance(value, str) else value


class Engine(Section):
    """Where draws are evaluated."""

    order: Annotated[tuple[EngineName, ...], NoDecode, BeforeValidator(_split)] = Field(
        ("ray", "spark", "local"),
        description="engines by preference; one behind another with a host starts when that is "
        "out; local is always the last resort",
    )
    dispatch: Literal["tasks", "resident"] = Field(
        "tasks",
        description="tasks: of Ray and Spark as they are; resident: our own dispatch, to workers "
        "that they place",
    )
    workers: int = Field(2, ge=1, le=256, description="workers an engine")
    ray_address: str = Field(
        "local",
        pattern=r"^(local|(ray://)?[^\s/:]+:\d{1,5})$",
        description="Ray cluster to join (host:port), or `local` for one of our own",
    )
    spark_master: str = Field(
        "local",
        pattern=r"^(local|spark://[^\s/:,]+:\d{1,5}(,[^\s/:,]+:\d{1,5})*)$",
        description="Spark cluster to join (spark://host:port), or `local` for one of our own",
    )
    compare_interval_s: NotNegative = Field(
        0.0,
        description="time between two small blocks that the engines get in turn, to show how long "
        "the same takes each, 0: none; those that would stand by are started for it",
    )


class Storage(Section):
    """Where decisions and status are kept."""

    backend: Literal["sqlite", "cassandra"] = Field(
        "sqlite", description="sqlite: a file here; cassandra: a cluster, see its section"
    )
    path: str = Field(
        default_factory=lambda: str(
            Path(platformdirs.user_data_dir("silverbullet")) / "decisions.sqlite"
        ),
        description="SQLite file",
    )
    # 50 assets and a cloud a second are 40 kB a decision: 3.4 GB a day.
    retention_s: Positive = Field(86_400.0, description="age at which records are deleted")


HostName = Annotated[str, Field(pattern=r"^[0-9A-Za-z.:_-]{1,253}$")]


class Cassandra(Section):
    """The Cassandra cluster, where `storage.backend` says so."""

    contact_points: Annotated[tuple[HostName, ...], NoDecode, BeforeValidator(_split)] = Field(
        ("127.0.0.1",),
        min_length=1,
        max_length=64,
        description="addresses of some nodes; the rest are found from them",
    )
    port: int = Field(9042, ge=1, le=65_535, description="port of every node")
    keyspace: str = Field(
        "silverbullet", pattern=r"^[a-z][a-z0-9_]{0,47}$", description="keyspace of the tables"
    )
    replication: int = Field(
        1, ge=1, le=9, description="copies of each row; used when the keyspace is made"
    )
    local_dc: str = Field(
        "datacenter1",
        pattern=r"^[0-9A-Za-z_-]{1,64}$",
        description="data centre to speak to, as `nodetool status` names it",
    )
    user: str = Field("", description="user to log in as; none: no login")
    password: SecretStr = Field(
        SecretStr(""), description="password of cassandra.user; from the environment only"
    )
    password_file: str = Field("", description="file that holds the password instead")
    tls: bool = Field(False, description="encrypt, and check the certificates of the nodes")
    tls_name: str = Field(
        "", description="name in the nodes' certificates; none: the first contact point"
    )
    ca_file: str = Field("", description="certificates to trust (PEM); none: the system's")
    certificate_file: str = Field("", description="own certificate (PEM), where nodes ask for it")
    key_file: str = Field("", description="key of cassandra.certificate_file (PEM)")
    request_timeout_s: float = Field(
        5.0, ge=0.1, le=600, description="longest wait for the answer to one request"
    )
    # Of 50 rows each at most: a busy server of 12 000 rows a second is through in 0.2 s.
    requests_in_flight: int = Field(
        32, ge=1, le=10_000, description="most requests of one append at the same time"
    )


class Serve(Section):
    """The dashboard and the API."""

    host: str = Field(
        "127.0.0.1",
        pattern=r"^[0-9A-Za-z.:_-]{1,253}$",
        description="address; one that other machines can reach only with a token",
    )
    port: int = Field(8050, ge=0, le=65_535, description="port, 0: any free one")
    streams: int = Field(32, ge=1, le=1_000, description="open event streams; further ones get 503")
    tokens: str = Field("", description="file of API tokens; none: one in the user's state folder")
    reads_need_token: bool = Field(False, description="ask for a token on loopback addresses too")
    host_names: Annotated[tuple[HostName, ...], NoDecode, BeforeValidator(_split)] = Field(
        (),
        max_length=32,
        description="names beside loopback and serve.host by which a proxy passes requests on; "
        "with any, all need a token",
    )
    # 32 pages that load at once from one address ask some 1800 times in 10 s.
    requests_per_s: NotNegative = Field(
        200.0,
        description="most requests of a token, or of an address without one, on average over "
        "10 s; further ones get 429; 0: no limit",
    )

    @property
    def tokens_path(self) -> Path:
        """File of API tokens."""
        return Path(self.tokens or Path(platformdirs.user_state_dir("silverbullet"), "tokens.json"))
