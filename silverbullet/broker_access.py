"""The broker that the settings name, and what proves who asks."""

from pathlib import Path

from ingest.access import BrokerAccess
from silverbullet.options import Refused
from silverbullet.sections import Kafka


def broker_access(kafka: Kafka) -> BrokerAccess:
    """Put together how to reach the broker.

    Raises
    ------
    Refused
        None is named, what its security needs is missing, or a file cannot be read.
    """
    if not kafka.bootstrap:
        raise Refused(
            "no broker: set kafka.bootstrap (--set kafka.bootstrap=HOST:PORT), "
            "or run `silverbullet demo`, which brings its own"
        )
    try:
        return BrokerAccess(
            kafka.bootstrap,
            security_protocol=kafka.security_protocol,
            sasl_mechanism=kafka.sasl_mechanism,
            user=kafka.user,
            password=_password(kafka),
            ca_path=kafka.ca_file,
            certificate_path=kafka.certificate_file,
            key_path=kafka.key_file,
        )
    except ValueError as error:
        raise Refused(str(error)) from None


def _password(kafka: Kafka) -> str:
    given = kafka.password.get_secret_value()
    if given or not kafka.password_file:
        return given
    try:
        return Path(kafka.password_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(f"kafka.password_file={kafka.password_file}: {reason}") from None
