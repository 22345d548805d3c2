"""Sends what admins ask for over HTTP to the topic of controls."""

import threading

from ingest.access import BrokerAccess
from ingest.broker import BrokerError
from ingest.producer import TopicProducer
from storage.control import Control, encode_control
from ui.control import ControlUnavailableError

_DELIVERY_S = 5.0


class ControlSender:
    """Connects with the first control, in whichever process sends it.

    Parameters
    ----------
    broker
        How to reach it.
    topic
        Topic of controls.
    """

    def __init__(self, broker: BrokerAccess | str, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._producer: TopicProducer | None = None
        self._lock = threading.Lock()

    def __call__(self, control: Control) -> None:
        """Send a control; returns once the broker has it.

        Raises
        ------
        ControlUnavailableError
            The broker does not answer or refuses.
        """
        with self._lock:
            try:
                self._send(control)
            except BrokerError as error:
                self._producer = None  # the next control connects anew
                raise ControlUnavailableError(str(error)) from None

    def _send(self, control: Control) -> None:
        if self._producer is None:
            self._producer = TopicProducer(self._broker, rate_hint=1.0)
        self._producer.send(self._topic, encode_control(control), partition=0)
        # Waits for the broker and raises where it did not take it; the client stays of use.
        self._producer.close(_DELIVERY_S)
