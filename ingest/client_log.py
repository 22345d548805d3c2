"""What of a client's lines in librdkafka's log is true and of use when it is shown.

confluent-kafka hands lines over when the client polls. One that polls rarely, or only when it is
closed, would tell of an outage that is long over.
"""

import logging
import math
import time
from collections.abc import Callable
from typing import Final

from ingest.kafka_log import OncePerCause, is_failure, is_wait_for_id

LOGGER: Final = logging.getLogger("ingest.kafka")
LOGGER.addHandler(logging.NullHandler())  # librdkafka's own lines are shown to whom asks for them
_ONCE: Final = OncePerCause()
LOGGER.addFilter(_ONCE)

_LATE_S: Final = 5.0
_SETTLE_S: Final = 2.0  # several clients of a process hear of an outage's end within 0.5 s
# The coordinator refuses an id while it loads or ends the transaction of one that was killed:
# a second or two.
_ID_WAIT_S: Final = 10.0
_ASK_INTERVAL_S: Final = 1.0

# By bootstrap, for all clients of the process: when the first failure of an outage was told, and
# when its end was.
_down_since_s: Final[dict[str, float]] = {}
_back_s: Final[dict[str, float]] = {}


class ClientLog:
    """The logger of a client: drops lines of no use, and tells the end of an outage.

    Failures to connect are told only of a client that was connected before (its maker raises what
    went wrong), is not being closed, and has polled within 5 s.

    Parameters
    ----------
    clock_s
        Seconds that only grow.

    Attributes
    ----------
    bootstrap
        Where the client's broker is.
    is_closing
        Set before the client is closed.
    is_away
        No broker answered when it was last asked; `is_due` tells when to ask again.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.bootstrap = ""
        self.is_closing = False
        self.is_away = False
        self._clock_s = clock_s
        self._n_brokers = 0
        self._is_late = True
        self._polled_s = -math.inf
        self._ask_s = 0.0
        self._waits_since_s = self._waited_s = -math.inf

    def connected(self, n_brokers: int) -> None:
        """Note that a cluster has answered, and how many brokers it has."""
        self._n_brokers = n_brokers

    @property
    def is_connected(self) -> bool:
        """Whether a cluster has ever answered."""
        return self._n_brokers > 0

    def polls(self) -> None:
        """Note that the client is about to poll, which hands its lines over."""
        now_s = self._clock_s()
        self._is_late = now_s - self._polled_s > _LATE_S
        self._polled_s = now_s

    def lost(self) -> None:
        """Note that no broker can be reached."""
        if self.is_connected and not self.is_away:
            self.is_away = True
            self._ask_s = self._clock_s() + _ASK_INTERVAL_S

    def is_due(self) -> bool:
        """Tell once a second, while no broker answers, that one is to be asked."""
        if not self.is_away or self._clock_s() < self._ask_s:
            return False
        self._ask_s = self._clock_s() + _ASK_INTERVAL_S
        return True

    def answers(self) -> None:
        """Note that a broker answers again; said once for all clients of the process."""
        self.is_away = False
        since_s = _down_since_s.pop(self.bootstrap, None)
        if since_s is None:
            return
        now_s = _back_s[self.bootstrap] = self._clock_s()
        _ONCE.forget()
        LOGGER.info("Kafka at %s answers again after %.0f s", self.bootstrap, now_s - since_s)

    def log(self, level: int, line: str, *args: object) -> None:
        """Take a line from librdkafka."""
        text = line % args if args else line
        now_s = self._clock_s()
        if is_wait_for_id(text):
            if self._is_brief(now_s):
                return
        elif is_failure(text):
            settled_s = _back_s.get(self.bootstrap, -math.inf) + _SETTLE_S
            if self.is_closing or self._is_late or not self.is_connected or now_s < settled_s:
                return
            _down_since_s.setdefault(self.bootstrap, now_s)
            # Of several brokers others may answer: there librdkafka says when none does.
            if self._n_brokers == 1:
                self.lost()
        LOGGER.log(level, "%s", text)

    def _is_brief(self, now_s: float) -> bool:
        """Tell whether the wait for an id has not lasted long; tries are 0.5 s apart."""
        if now_s - self._waited_s > _ID_WAIT_S:
            self._waits_since_s = now_s
        self._waited_s = now_s
        return now_s - self._waits_since_s <= _ID_WAIT_S
