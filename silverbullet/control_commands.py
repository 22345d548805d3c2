"""Ask a running pipeline for something, and see what becomes of it."""

import getpass
import threading
import time
import uuid
from typing import Any

from ingest.access import BrokerAccess
from ingest.broker import BrokerError
from ingest.producer import TopicProducer
from silverbullet.options import Refused
from silverbullet.running_pipeline import broker_address, newest_status
from silverbullet.settings import Settings
from storage.control import Control, ControlState, encode_control

_WATCH_S = 0.25


def make_control(who: str, **wish: Any) -> Control:
    """Write down a wish, now."""
    return Control(id=uuid.uuid4().hex, time_ns=time.time_ns(), who=who, **wish)


def user() -> str:
    """Name who types."""
    return f"{getpass.getuser()} (command line)"


def ask(settings: Settings, wait_s: float, **wish: Any) -> ControlState:
    """Send a control and wait until ``run`` has carried it out.

    Parameters
    ----------
    wait_s
        Longest wait; 0: only send it.
    wish
        Fields of `Control`.

    Returns
    -------
    ControlState
        As ``run`` has taken it, ``waiting`` where it has not within ``wait_s`` seconds.

    Raises
    ------
    Refused
        No broker is named or answers.
    """
    kafka, broker = settings.kafka, broker_address(settings)
    control = make_control(user(), **wish)
    sent = ControlState(
        id=control.id, time_ns=control.time_ns, who=control.who, wish=control.wish(),
        state="waiting", reason="no pipeline has taken it yet",
    )  # fmt: skip
    try:
        producer = TopicProducer(broker, rate_hint=1.0)
        producer.send(kafka.control_topic, encode_control(control), partition=0)
        producer.close()
        return _follow(settings, broker, sent, wait_s)
    except BrokerError as error:
        raise Refused(str(error)) from None


def _follow(
    settings: Settings, broker: BrokerAccess, sent: ControlState, wait_s: float
) -> ControlState:
    deadline_s, state = time.monotonic() + wait_s, sent
    while time.monotonic() < deadline_s:
        status = newest_status(settings, broker)
        for taken in () if status is None else status.controls:
            if taken.id == sent.id:
                state = taken
        if state.state != "waiting":
            break
        threading.Event().wait(_WATCH_S)
    return state
