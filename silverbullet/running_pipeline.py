"""Finds a running pipeline: its broker, and what it said of itself last."""

import msgspec

from ingest.access import BrokerAccess
from silverbullet.broker_access import broker_access
from silverbullet.demo_place import BROKER_FILE, demo_folder
from silverbullet.options import Refused
from silverbullet.settings import Settings
from storage.records import Status, decode_status

_LOOK_BACK = 20  # newest status records looked at for one of our own portfolio


def broker_address(settings: Settings) -> BrokerAccess:
    """Give the broker of the pipeline that is meant: the settings', else a running demo's.

    Raises
    ------
    Refused
        There is neither.
    """
    if settings.kafka.bootstrap:
        return broker_access(settings.kafka)
    try:
        return BrokerAccess((demo_folder() / BROKER_FILE).read_text())
    except OSError:
        raise Refused(
            "no broker is named and no demo runs: name that of the pipeline "
            "(--set kafka.bootstrap=HOST:PORT)"
        ) from None


def newest_status(settings: Settings, broker: BrokerAccess) -> Status | None:
    """Read the newest status of the portfolio from its topic.

    Raises
    ------
    BrokerError
        The broker does not answer.
    """
    # Here: without a broker nobody waits for its library. A `TopicConsumer` would bring numpy.
    from ingest.broker import BrokerErrors, connection  # noqa: PLC0415
    from ingest.topic_log import read_tail  # noqa: PLC0415

    config = connection(broker, BrokerErrors())
    config |= {"group.id": "silverbullet", "enable.auto.commit": False}
    topic = settings.kafka.status_topic
    for payload in reversed(read_tail(config, broker.bootstrap, topic, _LOOK_BACK)):
        try:
            status = decode_status(payload)
        except msgspec.DecodeError:
            continue  # of another version; the recorder says so
        if status.portfolio == settings.decide.portfolio:
            return status
    return None
