"""One `run` a portfolio: two would publish each decision twice, or different ones."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from ingest.access import BrokerAccess
from ingest.broker import BrokerError
from ingest.producer import TopicProducer
from ingest.sole_producer import TRANSACTION_S, SoleProducer


@dataclass(frozen=True, slots=True)
class Outputs:
    """What `run` sends with.

    Attributes
    ----------
    decisions
        For decisions and status: on Kafka the sole one of the portfolio.
    rejected
        For refused ticks, however many.
    """

    decisions: TopicProducer | SoleProducer
    rejected: TopicProducer
    _lock: FileLock | None

    def close(self, timeout_s: float) -> None:
        """End both.

        Raises
        ------
        BrokerError
            Messages are left that could not be delivered in time, or were refused.
        """
        with ExitStack() as ends:
            if self._lock is not None:
                ends.callback(self._lock.release)
                # An embedded broker has another port each time: its file is of no more use.
                ends.callback(Path(self._lock.lock_file).unlink, missing_ok=True)
            if self.rejected is not self.decisions:
                ends.callback(self.rejected.close, timeout_s)
            self.decisions.close(timeout_s)


def open_outputs(
    broker: BrokerAccess, portfolio: str, transaction_s: float = TRANSACTION_S
) -> Outputs:
    """Become the one that decides for a portfolio.

    On Kafka an earlier `run` is refused from now on and ends. The embedded broker has no such
    thing: there a lock on this machine stands for it, and the later one ends.

    Raises
    ------
    BrokerError
        The broker does not answer or refuses; at an embedded one, another `run` decides.
    """
    plain = TopicProducer(broker, rate_hint=1.0)
    if plain.is_embedded:
        return Outputs(plain, plain, _lock(broker.bootstrap, portfolio))
    return Outputs(SoleProducer(broker, f"silverbullet-{portfolio}", transaction_s), plain, None)


def _lock(bootstrap: str, portfolio: str) -> FileLock:
    digest = hashlib.sha256(f"{bootstrap} {portfolio}".encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_state_dir("silverbullet", ensure_exists=True)) / "runs"
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / f"{digest}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BrokerError(
            f"another `silverbullet run` decides for portfolio {portfolio} at {bootstrap}: end "
            "it first, or give this one another name (decide.portfolio)"
        ) from None
    return lock
