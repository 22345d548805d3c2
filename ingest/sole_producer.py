"""Sending to Kafka as the only one of a name: a newer sender of that name ends an older one.

Kafka sees to it by a transactional id: whoever takes it last has it, and the next message of
any other is refused. Readers do not wait for the ends of transactions: they read uncommitted.
"""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingest.access import BrokerAccess, access
from ingest.broker import (
    BrokerError,
    BrokerErrors,
    connection,
    describe,
    explain,
    hear,
    make_client,
)

log = logging.getLogger("silverbullet.run")

# An end holds messages for some 8 ms: one a second would be most of the p99 of tick to decision.
TRANSACTION_S: Final = 10.0
# Kafka refuses the next transaction until the markers of the one before are written, 1 to 2 ms,
# and librdkafka asks again only after 20. Asked at once, messages of 9 kB were held for 27 to 32 ms
# (the worst of a half second, median of 13), after 1 ms for 7 to 9 and at times for 30, after 2 ms
# for 7 to 8.
_MARKERS_S: Final = 0.002
_LOOK_S: Final = 0.25
_TAKE_OVER_S: Final = 15.0  # measured 1 s; the first of a cluster waits for its coordinator
_COMMIT_S: Final = 5.0
_TRANSACTION_TIMEOUT_MS: Final = 60_000
_QUEUE_KBYTES: Final = 65_536
_MOST_HELD_BYTES: Final = 65_536 * 1024


class SoleProducer:
    """A producer in an open transaction that a thread of its own ends now and then.

    Ending one takes some 8 ms in which nothing may be sent: it begins right after a message,
    and what is sent meanwhile is held until it is over, so a caller never waits for it.

    Parameters
    ----------
    broker
        ``host:port``, or how to reach it.
    name
        The transactional id. Whoever had it before is refused from now on.
    transaction_s
        How long a transaction is open, and readers of committed messages wait.

    Attributes
    ----------
    failed
        Messages that Kafka did not take.
    first_failure
        Why the first of them failed, else None.

    Raises
    ------
    BrokerError
        No broker answers, it refuses this client, or it has no coordinator of transactions.
    """

    def __init__(
        self, broker: BrokerAccess | str, name: str, transaction_s: float = TRANSACTION_S
    ) -> None:
        self.failed = 0
        self.first_failure: str | None = None
        self._transaction_s = transaction_s
        self._bootstrap = access(broker).bootstrap
        self._errors = BrokerErrors()
        self._client = make_client(Producer, self._config(access(broker), name))
        describe(self._client, self._bootstrap, self._errors)
        self._take_over(name)
        self._turn = threading.Condition()
        self._is_ending = False
        self._n_open = 0  # messages in the open transaction
        self._held: list[tuple[str, bytes, dict[str, Any]]] = []
        self._held_bytes = 0
        self._ended_s = time.monotonic()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="transactions", daemon=True)
        self._thread.start()

    def send(
        self,
        topic: str,
        value: bytes,
        key: bytes | str | None = None,
        partition: int | None = None,
    ) -> None:
        """Queue a message; waits only while the queue is full.

        Raises
        ------
        BrokerError
            Another sender has taken this one's name, the broker refuses this client for good,
            or the message is larger than it takes.
        """
        options: dict[str, Any] = {"key": key}
        if partition is not None:
            options["partition"] = partition
        with self._turn:
            self._raise_refusal(f"sending to {topic}")
            while self._is_ending and self._held_bytes > _MOST_HELD_BYTES:
                self._turn.wait(_LOOK_S)
                self._raise_refusal(f"sending to {topic}")
            if self._is_ending:
                self._held.append((topic, value, options))
                self._held_bytes += len(value)
            else:
                self._produce(topic, value, options)
            if time.monotonic() - self._ended_s >= self._transaction_s:
                self._turn.notify_all()

    def poll(self) -> None:
        """Take in delivery failures; cheap, call it once a loop.

        Raises
        ------
        BrokerError
            As `send`.
        """
        hear(self._client, self._errors)
        self._raise_refusal("sending")

    def close(self, timeout_s: float = 10.0) -> None:
        """End the last transaction and the producer.

        Raises
        ------
        BrokerError
            Messages are left that could not be delivered in time, or were refused.
        """
        self._errors.log.is_closing = True
        with self._turn:
            self._stop = True
            self._turn.notify_all()
        self._thread.join(timeout_s)
        if self._errors.fatal is not None:
            return  # told already, and nothing can be sent any more
        reason = self.first_failure or f"no answer within {timeout_s:g} s"
        if not self._thread.is_alive():
            try:
                self._commit_rest(timeout_s)
            except KafkaException as failure:
                reason = failure.args[0].str()
        left = self._n_open + len(self._held)
        if left or self.failed:
            raise BrokerError(
                f"Kafka at {self._bootstrap} did not take {left + self.failed} messages: {reason}"
            )

    def _commit_rest(self, timeout_s: float) -> None:
        until_s = time.monotonic() + timeout_s
        if self._n_open:
            self._client.commit_transaction(timeout_s)
            self._n_open = 0
        if self._held:  # the thread was told to stop while no broker let it end the one before
            self._client.begin_transaction()
            self._go_on()
            self._client.commit_transaction(max(0.0, until_s - time.monotonic()))
            self._n_open = 0

    def _config(self, broker: BrokerAccess, name: str) -> dict[str, Any]:
        return connection(broker, self._errors) | {
            "transactional.id": name,
            "transaction.timeout.ms": _TRANSACTION_TIMEOUT_MS,
            "delivery.timeout.ms": _TRANSACTION_TIMEOUT_MS,
            "linger.ms": 0,
            "queue.buffering.max.kbytes": _QUEUE_KBYTES,
            "delivery.report.only.error": True,
            "on_delivery": self._on_delivery,
        }

    def _take_over(self, name: str) -> None:
        try:
            self._client.init_transactions(_TAKE_OVER_S)
            self._client.begin_transaction()
        except KafkaException as failure:
            error = self._errors.fatal or failure.args[0]
            if error.code() == KafkaError._TIMED_OUT:
                raise BrokerError(
                    f"Kafka at {self._bootstrap} gave no transactional id {name} in "
                    f"{_TAKE_OVER_S:g} s; are there as many brokers as its "
                    "transaction.state.log.replication.factor?"
                ) from failure
            raise explain(error, self._bootstrap, f"taking transactional id {name}") from failure

    def _produce(self, topic: str, value: bytes, options: dict[str, Any]) -> None:
        while True:
            try:
                self._client.produce(topic, value, **options)
                self._n_open += 1
                return
            except BufferError:
                self._client.poll(0.01)  # delivery makes room, or the 60 s limit does
            except KafkaException as failure:
                hear(self._client, self._errors)
                error = self._errors.fatal or failure.args[0]
                raise explain(error, self._bootstrap, f"sending to {topic}") from failure

    def _raise_refusal(self, doing: str) -> None:
        if self._errors.fatal is not None:
            raise explain(self._errors.fatal, self._bootstrap, doing)

    def _run(self) -> None:
        """End transactions until closed or refused."""
        while self._errors.fatal is None:
            with self._turn:
                if not self._stop:
                    self._turn.wait(_LOOK_S)
                if self._stop:
                    return
                if not self._n_open or time.monotonic() - self._ended_s < self._transaction_s:
                    continue
                self._is_ending = True
            if not self._end():
                return
            with self._turn:
                self._turn.wait_for(lambda: self._stop, _MARKERS_S)
                self._is_ending = False
                self._go_on()
                self._turn.notify_all()

    def _end(self) -> bool:
        """End the open transaction, begin the next; tries again while no broker answers."""
        while not self._stop:
            try:
                self._client.commit_transaction(_COMMIT_S)
            except KafkaException as failure:
                error = failure.args[0]
                if error.retriable():
                    continue
                if not error.txn_requires_abort():
                    self._errors.fatal = self._errors.fatal or error
                    return False
                log.error(
                    "%s; readers of committed messages alone do not see what was sent in it",
                    explain(error, self._bootstrap, "ending a transaction"),
                )
                return self._attempt(self._client.abort_transaction) and self._begin()
            return self._begin()
        return False

    def _begin(self) -> bool:
        return self._attempt(self._client.begin_transaction)

    def _attempt(self, step: Callable[[], object]) -> bool:
        try:
            step()
        except KafkaException as failure:
            self._errors.fatal = self._errors.fatal or failure.args[0]
            return False
        return True

    def _go_on(self) -> None:
        """Send what was held, in the next transaction."""
        held, self._held, self._held_bytes, self._n_open = self._held, [], 0, 0
        for topic, value, options in held:
            try:
                self._produce(topic, value, options)
            except BrokerError as failure:
                self.failed += 1
                self.first_failure = self.first_failure or str(failure)
        self._ended_s = time.monotonic()

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            return
        self.failed += 1
        if self.first_failure is None:
            self.first_failure = f"{message.topic()}: {error.str()} ({error.name()})"

    def __enter__(self) -> "SoleProducer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(1.0 if kind is not None else 10.0)
