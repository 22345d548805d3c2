"""Where a broker is and how a client proves who it is."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

SecurityProtocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
SaslMechanism = Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"]


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """How to reach a broker.

    Attributes
    ----------
    bootstrap
        ``host:port``, several separated by commas.
    security_protocol, sasl_mechanism
        As Kafka names them.
    user, password
        Of SASL; the password is in no text that this object gives of itself.
    ca_path
        Certificates (PEM) to trust; empty: the system's.
    certificate_path, key_path
        The client's own (PEM), for a broker that asks for them; empty: none.

    Raises
    ------
    ValueError
        What the protocol needs is missing, or a file cannot be read; the message names the
        setting.
    """

    bootstrap: str
    security_protocol: SecurityProtocol = "plaintext"
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-256"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_path: str = ""
    certificate_path: str = ""
    key_path: str = ""

    def __post_init__(self) -> None:
        protocol = f"kafka.security_protocol={self.security_protocol}"
        if self._has_sasl and not (self.user and self.password):
            lacking = "kafka.user" if not self.user else "a password"
            remedy = "set kafka.user, and kafka.password_file or SILVERBULLET_KAFKA__PASSWORD"
            raise ValueError(f"{protocol} needs {lacking}: {remedy}")
        if not self._has_sasl and (self.user or self.password):
            raise ValueError(f"{protocol} sends no user: set it to sasl_ssl, or leave kafka.user")
        files = {
            "ca_file": self.ca_path,
            "certificate_file": self.certificate_path,
            "key_file": self.key_path,
        }
        if not self._has_tls and any(files.values()):
            raise ValueError(f"{protocol} uses no certificates: set it to ssl or sasl_ssl")
        if bool(self.certificate_path) != bool(self.key_path):
            raise ValueError("kafka.certificate_file and kafka.key_file belong together: set both")
        for name, path in files.items():
            if path:
                _check_readable(name, path)

    @property
    def _has_sasl(self) -> bool:
        return self.security_protocol.startswith("sasl")

    @property
    def _has_tls(self) -> bool:
        return self.security_protocol.endswith("ssl")

    def security(self) -> dict[str, Any]:
        """Give librdkafka's settings; empty for a plain connection."""
        given: dict[str, Any] = {}
        if self.security_protocol != "plaintext":
            given["security.protocol"] = self.security_protocol
        if self._has_sasl:
            given["sasl.mechanism"] = self.sasl_mechanism
            given["sasl.username"] = self.user
            given["sasl.password"] = self.password
        if self.ca_path:
            given["ssl.ca.location"] = self.ca_path
        if self.certificate_path:
            given["ssl.certificate.location"] = self.certificate_path
            given["ssl.key.location"] = self.key_path
        return given

    def __str__(self) -> str:
        return self.bootstrap


def access(broker: BrokerAccess | str) -> BrokerAccess:
    """Take a bare ``host:port`` as a broker that asks for nothing."""
    return BrokerAccess(broker) if isinstance(broker, str) else broker


def _check_readable(name: str, path: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise ValueError(f"kafka.{name}={path}: {error.strerror or error}") from None
