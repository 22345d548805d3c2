"""Write the topics of decisions and status to a store, losing nothing and nothing twice.

Offsets are committed only after `append` returned; a crash between the two makes the messages
come again, and the store knows them by id. While the store fails, the batch is kept and Kafka
keeps the rest.
"""

import logging
import threading
import time
from dataclasses import dataclass

from storage.protocol import Store, StoreError, UnreachableError
from storage.recording import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    Batch,
    Gap,
    MessageSource,
    RecordCounts,
    Recorder,
)

__all__ = ["MessageSource", "RecordCounts", "Recorder", "record"]

_log = logging.getLogger(__name__)

_POLL_S = 0.25
_RETENTION_INTERVAL_S = 60.0
# What may still be read and kept after the order to stop.
_FLUSH_S = 2.0


def _growing(wait_s: float) -> float:
    return min(max(2 * wait_s, FIRST_WAIT_S), LONGEST_WAIT_S)


@dataclass(slots=True)
class _Loop:
    """The shell: source and store, the clock, and waits that the order to stop ends."""

    source: MessageSource
    store: Store
    recorder: Recorder
    stop: threading.Event
    retention_s: float
    source_errors: tuple[type[Exception], ...]
    _source_wait_s: float = 0.0
    _next_prune_s: float = 0.0
    _gave_up: bool = False
    _gaps: tuple[Gap, ...] = ()

    def step(self, timeout_s: float) -> bool:
        """Take what one poll brings; False where nothing came or it could not be kept."""
        try:
            messages = self.source.poll(timeout_s)
        except self.source_errors as error:
            _raise_fatal(error)
            self._source_wait_s = _growing(self._source_wait_s)
            _log.error("reading: %s; next try in %.1f s", error, self._source_wait_s)
            self.stop.wait(self._source_wait_s)
            return False
        self._source_wait_s = 0.0
        self._note_gaps()
        if messages is None:
            return False
        return all(self._keep(batch) for batch in self.recorder.take(messages))

    def prune(self) -> None:
        """Delete a little of what is too old: at once again while there is more, else later."""
        now_s = time.monotonic()
        if now_s < self._next_prune_s:
            return
        self._next_prune_s = now_s + _RETENTION_INTERVAL_S
        try:
            deleted = self.store.prune(time.time_ns() - int(self.retention_s * 1e9))
        except StoreError as error:
            _log.error("%s; tried again in %.0f s", error, _RETENTION_INTERVAL_S)
            return
        if deleted:
            self._next_prune_s = now_s
            _log.debug("deleted %d decisions older than %.0f s", deleted, self.retention_s)

    def flush(self) -> None:
        """Keep what the broker holds already, for a short while.

        Not after a batch was given up: a later commit would skip it.
        """
        end_s = time.monotonic() + _FLUSH_S
        while not self._gave_up and self.step(0.0) and time.monotonic() < end_s:
            pass

    def _note_gaps(self) -> None:
        gaps = tuple(self.source.gaps())
        new = [gap for gap in gaps if gap not in self._gaps]
        self._gaps = gaps
        self.recorder.lose(new)
        for gap in new:
            _log.warning("%s", gap)

    def _keep(self, batch: Batch) -> bool:
        """Append until the store takes it, then commit; False where the order to stop came."""
        for problem in batch.problems:
            _log.warning("%s", problem)
        failing_since_s: float | None = None
        while True:
            last_try = self.stop.is_set()
            try:
                n_new = self.store.append(batch.decisions, batch.statuses)
                break
            except StoreError as error:
                wait_s = self.recorder.failed()
                failing_since_s = failing_since_s or time.monotonic()
                if last_try:
                    self._gave_up = True
                    _log.error("%s; ended: %s come again at the next start", error, _held(batch))
                    return False
                _log.error("%s; %s wait, next try in %.1f s", error, _held(batch), wait_s)
                reached = not isinstance(error, UnreachableError)
            self.stop.wait(wait_s)
            if reached:
                # A disk that old records fill has room once they are gone.
                self.prune()
        self.recorder.kept(batch, n_new)
        if failing_since_s is not None:
            away_s = time.monotonic() - failing_since_s
            _log.info("the store answers again after %.0f s: %s are kept", away_s, _held(batch))
        try:
            self.source.commit(batch.positions)
        except self.source_errors as error:
            _raise_fatal(error)
            # The next commit covers this one; after a crash the store knows what comes again.
            _log.error("stored, but its offsets are not committed yet: %s", error)
        return True


def _raise_fatal(error: Exception) -> None:
    """Raise an error that says of itself that trying again cannot succeed."""
    if getattr(error, "fatal", False):
        raise error


def _held(batch: Batch) -> str:
    return f"{len(batch.decisions)} decisions and {len(batch.statuses)} status records"


def record(
    source: MessageSource,
    store: Store,
    *,
    stop: threading.Event,
    retention_s: float,
    recorder: Recorder | None = None,
    source_errors: tuple[type[Exception], ...] = (),
) -> RecordCounts:
    """Record until told to stop; returns within seconds of it, having kept what was there.

    Failures of the store and of the source are logged, a line for each try, and tried again
    with growing waits (0.1 s to 30 s) without end.

    Parameters
    ----------
    source, store
        Owned, and closed, by the caller.
    stop
        Ends every wait. A store that fails then is tried once more.
    retention_s
        Age, by row end or status time, at which records are deleted.
    recorder
        The core, where topics are not named as usual or counts are read from outside.
    source_errors
        What `source` raises while its broker cannot be reached; anything else ends `record`,
        as does one of these whose attribute ``fatal`` is true.

    Returns
    -------
    RecordCounts
        What was done.
    """
    loop = _Loop(source, store, recorder or Recorder(), stop, retention_s, source_errors)
    while not stop.is_set():
        loop.step(_POLL_S)
        loop.prune()
    loop.flush()
    return loop.recorder.counts
