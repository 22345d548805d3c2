"""Play files to their end as fast as they go, decide on the last row, and say what came of it."""

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from ingest.broker import EmbeddedBroker
from ingest.codec import RawMessages
from ingest.consumer import TopicConsumer
from ingest.feed import TickSource, feed
from ingest.formats import FileFormatError
from ingest.producer import TopicProducer
from ingest.ticks import SymbolTable
from optimize.decision import Decision
from optimize.engines.evaluator import Evaluator
from optimize.engines.moves import Policy
from silverbullet.decider import Decider
from silverbullet.ends import Finished
from silverbullet.evaluators import make_evaluator
from silverbullet.feeding import FeedOptions, make_source, spacing_settings, sparse_rows
from silverbullet.options import Refused
from silverbullet.progress import Progress, say_progress
from silverbullet.runner import Runner
from silverbullet.settings import Settings
from silverbullet.starting import make_admission
from silverbullet.warm import warm_everything

# The embedded broker keeps about 5 MB a partition and then drops the oldest in silence: less
# than half of that is ever unread.
MOST_UNREAD_BYTES = 2_000_000
# Whether all is read shows between polls; a longer one would only delay the end.
LONGEST_POLL_S = 0.02
# One decision that nobody waits for in a market: it is the engine's that was named, however busy
# the machine is. Live, Spark is late after 150 ms, which a young JVM beside other work takes.
PATIENCE_S = 30.0


class Credit:
    """Lets a feed run no further ahead of its reader than the broker keeps.

    Parameters
    ----------
    read_messages
        Gives how many messages the reader has taken.
    """

    def __init__(self, read_messages: Callable[[], int]) -> None:
        self._read_messages = read_messages
        self._unread: deque[int] = deque()
        self._unread_bytes = 0
        self._forgotten = 0

    def can_send(self, n_bytes: int) -> bool:
        """Tell whether a message may be sent now; it is taken to be sent if so."""
        read = self._read_messages()
        while self._unread and self._forgotten < read:
            self._unread_bytes -= self._unread.popleft()
            self._forgotten += 1
        if self._unread and self._unread_bytes + n_bytes > MOST_UNREAD_BYTES:
            return False
        self._unread.append(n_bytes)
        self._unread_bytes += n_bytes
        return True


class PlayedSource:
    """A consumer of a topic that one feed fills; it ends when all of the feed is read."""

    def __init__(self, consumer: TopicConsumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic
        self._failure: Exception | None = None
        self.is_fed = threading.Event()

    def play(self, source: TickSource, bootstrap: str, stop: threading.Event) -> None:
        """Send the whole source; runs on a thread of its own."""
        credit = Credit(lambda: self._consumer.positions().get((self._topic, 0), 0))
        producer = TopicProducer(bootstrap, rate_hint=math.inf)
        try:
            feed(
                source,
                producer,
                self._topic,
                stop=stop,
                speed=math.inf,
                can_send=credit.can_send,
            )
            producer.close()
        except Exception as error:  # noqa: BLE001 - raised again on the reader's thread
            self._failure = error
        finally:
            self.is_fed.set()

    @property
    def lost_offsets(self) -> int:
        """Messages that were gone before they could be read."""
        return self._consumer.lost_offsets

    def gaps(self) -> Sequence[object]:
        """Give every gap found."""
        return self._consumer.gaps()

    def poll(self, timeout_s: float) -> RawMessages | None:
        """Wait for messages, for 20 ms at most."""
        return self._consumer.poll(min(timeout_s, LONGEST_POLL_S))

    def positions(self) -> dict[tuple[str, int], int]:
        """Give the next offset of each topic and partition."""
        return self._consumer.positions()

    def at_end(self) -> bool:
        """Tell whether everything was sent and read.

        Raises
        ------
        Exception
            What ended the feed.
        """
        if self._failure is not None:
            raise self._failure
        return self.is_fed.is_set() and self._consumer.at_end()


def run_once(
    read_settings: Callable[..., Settings], paths: Sequence[Path], options: FeedOptions
) -> dict[str, Any]:
    """Play files on an embedded broker and decide on their last row.

    Returns
    -------
    dict
        ``decision`` (None where none could be made, with ``reason``) and ``ticks``.

    Raises
    ------
    Refused
        The files cannot be read as ticks.
    """
    if options.loop:
        raise Refused("--loop has no end: leave it out, or leave out --once")
    options.speed_factor()  # of no effect here, but a misspelt one is told
    settings = _patient(read_settings(spacing_settings(paths, options)))
    if "order" not in settings.engine.model_fields_set:
        # Nobody named one: all give the same bits, and to start Ray takes longer than most files.
        engine = settings.engine.model_copy(update={"order": ("local",)})
        settings = settings.model_copy(update={"engine": engine})
    source = make_source(paths, options, settings, keep_event_times=True)
    sparse = sparse_rows(source, settings)
    if sparse is not None:
        click.echo(sparse, err=True)
    evaluator = make_evaluator(settings, policy=_patient_policy(settings))
    evaluator.start()
    try:
        with say_progress() as progress, EmbeddedBroker() as broker:
            warm_everything(progress=False)
            finished = _play(settings, source, broker.address, evaluator, progress)
    except FileFormatError as error:
        raise Refused(str(error)) from None
    finally:
        evaluator.close()
    return describe(finished)


def _patient(settings: Settings) -> Settings:
    """Give the engine that was named 30 s before threads help, unless somebody set a limit."""
    if "deadline_s" in settings.optimize.model_fields_set:
        return settings
    optimize = settings.optimize.model_copy(update={"deadline_s": PATIENCE_S})
    return settings.model_copy(update={"optimize": optimize})


def _patient_policy(settings: Settings) -> Policy:
    floor_ns = round(settings.optimize.deadline_s * 1e9)
    return Policy(hedge_floor_ns=floor_ns, hedge_floors_ns=())


def _play(
    settings: Settings,
    source: TickSource,
    bootstrap: str,
    evaluator: Evaluator,
    progress: Progress,
) -> Finished:
    topic, symbols = settings.kafka.ticks_topic, SymbolTable(settings.ticks.max_symbols)
    stop = threading.Event()
    with TopicConsumer(bootstrap, [topic], fetch_wait_max_ms=1) as consumer:
        played = PlayedSource(consumer, topic)
        decider = Decider(settings, symbols, only_at_end=True)
        # Nobody reads the rows before the last: what of them is silent costs nothing then.
        decider.market.skip_silence()
        progress.follow(decider, settings.window.sample_interval_ns)
        admission = make_admission(settings, symbols)
        runner = Runner(settings, decider, admission, played, None, evaluator, stop)
        thread = threading.Thread(
            target=played.play, args=(source, bootstrap, stop), name="feed", daemon=True
        )
        thread.start()
        try:
            return runner.run(until_end=True, wait_for_engine=settings.engine.order[0])
        finally:
            stop.set()
            thread.join()


def describe(finished: Finished) -> dict[str, Any]:
    """Write what came of it as plain values, arrays by symbol."""
    status, decision = finished.status, finished.decision
    ticks = {
        "read": status.ticks_read,
        "used": status.ticks_used,
        "late": status.ticks_late,
        "duplicate": status.ticks_duplicate,
        "rejected": status.rejected,
        "lost_offsets": status.lost_offsets,
    }
    if decision is None:
        remedy = "a shorter --sample-interval or a smaller window.min_observations may do"
        return {"decision": None, "reason": f"{status.reason}; {remedy}", "ticks": ticks}
    return {"decision": _describe_decision(decision), "ticks": ticks}


def _describe_decision(decision: Decision) -> dict[str, Any]:
    by_symbol = (
        "weights",
        "weight_stddev",
        "prices",
        "mean",
        "volatility",
        "skewness",
        "kurtosis",
        "estimated_mean",
        "estimated_volatility",
    )
    plain = (
        "id",
        "portfolio",
        "method",
        "objective",
        "row",
        "row_end_ns",
        "sample_interval_ns",
        "n_observations",
        "expected_return",
        "portfolio_volatility",
        "sharpe",
        "sharpe_stddev",
        "optimality_gap",
        "n_draws",
        "seed",
        "engine",
        "peers",
        "degraded",
        "late",
        "reason",
        "digest",
    )
    said: dict[str, Any] = {name: getattr(decision, name) for name in plain}
    for name in by_symbol:
        said[name] = _by_symbol(decision.symbols, getattr(decision, name))
    return said


def _by_symbol(symbols: Sequence[str], values: np.ndarray) -> Mapping[str, float | None]:
    numbers = (None if math.isnan(value) else value for value in values.tolist())
    return dict(zip(symbols, numbers, strict=True))
