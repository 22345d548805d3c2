"""Watches whether the topic of ticks gets more partitions than a run began with."""

import threading
from collections.abc import Sequence

from ingest.broker import BrokerError
from ingest.consumer import TopicConsumer

_LOOK_S = 5.0


class PartitionWatch:
    """Stops a run when partitions were added, on a thread of its own.

    A row waits for every partition, so they are fixed when the windows are made. Ticks of a
    further one would be lost in silence.

    Parameters
    ----------
    reader
        Asked every 5 s; owned, and closed, by this object.
    topic, known
        The topic, and its partitions as the run reads them.
    stop
        Set when there are more.
    """

    def __init__(
        self, reader: TopicConsumer, topic: str, known: Sequence[int], stop: threading.Event
    ) -> None:
        self._reader, self._topic, self._known, self._stop = reader, topic, len(known), stop
        self.refusal = ""
        """Why the run was stopped; empty where nothing was added."""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="partitions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join(1.0)
        if not self._thread.is_alive():  # a client in a call must not be closed
            self._reader.close()

    def _run(self) -> None:
        while not self._closed.wait(_LOOK_S):
            try:
                n_found = len(self._reader.partitions(self._topic))
            except BrokerError:
                continue  # the run's own consumer tells of it
            if n_found > self._known:
                self.refusal = (
                    f"topic {self._topic} has {n_found} partitions now, {self._known} when this "
                    "run began: start it again to read them all; its windows fill anew"
                )
                self._stop.set()
                return
