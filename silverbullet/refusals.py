"""Refused ticks on their way to their own topic, and one log line a second about them."""

import logging
from collections.abc import Mapping, Sequence

from ingest.producer import TopicProducer
from ingest.rejection import Rejection, encode_rejection
from ingest.sole_producer import SoleProducer

log = logging.getLogger("silverbullet.run")


class Refusals:
    """Keeps what admission refused.

    Parameters
    ----------
    producer, topic
        Where it goes; without a producer it is only counted.
    kept_until
        Partition to an offset up to which an earlier run had read, that of the newest tick in
        its last decision: what it refused up to there is kept already, and is read again only
        to fill the windows. What it refused behind may be kept twice, at one offset.
    """

    def __init__(
        self,
        producer: TopicProducer | SoleProducer | None,
        topic: str,
        kept_until: Mapping[str, int],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._kept_until = kept_until
        self._unsaid = 0
        self._last_message = ""

    def take(self, rejections: Sequence[Rejection]) -> None:
        """Send them, but for those that an earlier run sent."""
        for rejection in rejections:
            if rejection.offset <= self._kept_until.get(str(rejection.partition), -1):
                continue
            self._unsaid += 1
            self._last_message = rejection.message
            if self._producer is not None:
                self._producer.send(self._topic, encode_rejection(rejection))

    def say(self) -> None:
        """Log what was refused since the last call: a line each would be gigabytes a day."""
        if self._unsaid:
            log.warning("%d refused, the last: %s", self._unsaid, self._last_message)
            self._unsaid = 0
