"""The commands' insides: each builds its part from the settings and runs it."""

import functools
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import platformdirs

from cluster.process import spawn
from cluster.supervision import Supervision
from ingest.access import BrokerAccess
from ingest.broker import BrokerError
from ingest.consumer import TopicConsumer
from ingest.feed import TickSource
from ingest.feed import feed as feed_ticks
from ingest.producer import TopicProducer
from optimize.engines.catalogue import build_engines
from optimize.engines.evaluator import Evaluator
from optimize.engines.fingerprint import fingerprint
from optimize.engines.moves import Policy, Switch
from optimize.engines.session import on_signals
from optimize.evaluate import evaluate_block
from silverbullet.broker_access import broker_access
from silverbullet.checkpointing import Checkpoints
from silverbullet.controls import EngineChoice
from silverbullet.feeding import FeedOptions, go_on, history_ns, make_source, spacing_settings
from silverbullet.options import Refused
from silverbullet.partition_watch import PartitionWatch
from silverbullet.resuming import resume
from silverbullet.runner import Runner
from silverbullet.settings import Settings
from silverbullet.sole_run import open_outputs
from silverbullet.starting import begin
from silverbullet.steering import ControlFeed, Steering, log_switch
from silverbullet.topics import (
    needs_of_feeds,
    needs_of_record,
    needs_of_run,
    prepare_topics,
    ticks_partitions,
)
from silverbullet.warm import warm_everything

log = logging.getLogger("silverbullet")

# Told to end, a part waits this long for the broker: a demo's broker may have gone before it.
_FLUSH_S, _STOPPED_FLUSH_S = 10.0, 2.0
# A call into librdkafka may wait 10 s for a broker that is gone, and takes no signal meanwhile.
# All parts go on after kill -9 where they were, so an end by force loses nothing.
_END_LIMIT_S = 6.0


def _log_to_stderr() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )


@contextmanager
def _process(settings: Settings) -> Iterator[threading.Event]:
    """Set up logging and signals; a broker's fault ends the process with one line.

    Raises
    ------
    Refused
        No broker is named, or what its security needs is missing.
    """
    _log_to_stderr()
    broker_access(settings.kafka)
    stop = threading.Event()

    def end() -> None:
        stop.set()
        timer = threading.Timer(_END_LIMIT_S, _end_hard)
        timer.daemon = True
        timer.start()

    on_signals({signal.SIGINT: end, signal.SIGTERM: end})
    try:
        yield stop
    except BrokerError as error:
        raise click.ClickException(str(error)) from None


def _end_hard() -> None:
    log.error("not ended %g s after the signal; ended by force: the broker is gone", _END_LIMIT_S)
    os._exit(1)


def engine_log_path() -> Path:
    """Give the file that takes what engine hosts print; its last line says why one ended."""
    return Path(platformdirs.user_log_dir("silverbullet")) / "engine-hosts.log"


def settings_choice(settings: Settings) -> EngineChoice:
    """Give the engines that the settings say."""
    engine = settings.engine
    return EngineChoice(engine.order, engine.dispatch, engine.workers)


def make_evaluator(
    settings: Settings,
    choice: EngineChoice | None = None,
    ids: Iterator[int] | None = None,
    note_switch: Callable[[Switch], None] | None = None,
) -> Evaluator:
    """Make the engines of a choice (without one: of the settings), and what dispatches to them."""
    choice = choice or settings_choice(settings)
    engines = build_engines(
        choice.order,
        workers=choice.workers,
        dispatch=choice.dispatch,
        addresses={"ray": settings.engine.ray_address, "spark": settings.engine.spark_master},
        spawn=functools.partial(spawn, log_path=engine_log_path()),
        restarts=Supervision,
        clock=time.monotonic_ns,
        all_at_once=settings.engine.compare_interval_s > 0,
    )
    policy = Policy(compare_ns=round(settings.engine.compare_interval_s * 1e9))
    on_switch = note_switch or log_switch
    return Evaluator(engines, evaluate=evaluate_block, policy=policy, on_switch=on_switch, ids=ids)


def run_pipeline(settings: Settings, *, until_end: bool) -> None:
    """Run the pipeline until a signal, or to the end of the topic."""
    with _process(settings) as stop:
        kafka, broker = settings.kafka, broker_access(settings.kafka)
        prepare_topics(kafka, needs_of_run(kafka))
        _refuse_early(settings, broker)
        warm_everything(progress=False)
        # Before anything is read: an earlier run that still decides must add nothing to it.
        outputs = open_outputs(broker, settings.decide.portfolio)
        partitions = ticks_partitions(kafka)
        beginning = begin(settings, partitions)
        consumer = TopicConsumer(
            broker,
            [kafka.ticks_topic],
            start=beginning.positions or "earliest",
            fetch_wait_max_ms=kafka.fetch_wait_max_ms,
        )
        feed = ControlFeed(TopicConsumer(broker, [kafka.control_topic]))
        steering = Steering(
            feed,
            settings_choice(settings),
            functools.partial(make_evaluator, settings),
            time.monotonic_ns,
            time.time_ns,
            fingerprint(evaluate_block),
        )
        checkpoints = Checkpoints(
            settings,
            TopicProducer(broker, rate_hint=1.0),
            fingerprint(evaluate_block),
            beginning.checkpoint_number,
        )
        runner = Runner(
            settings, beginning.decider, beginning.admission, consumer, outputs.decisions,
            steering.engines, stop, steering, checkpoints, outputs.rejected,
        )  # fmt: skip
        watch = PartitionWatch(TopicConsumer(broker, []), kafka.ticks_topic, partitions, stop)
        try:
            steering.start()
            log.info("reading %s at %s", kafka.ticks_topic, kafka.bootstrap)
            runner.run(until_end=until_end)
        finally:
            watch.close()
            steering.close()
            checkpoints.close()
            consumer.close()
            outputs.close(_STOPPED_FLUSH_S if stop.is_set() else _FLUSH_S)
        if watch.refusal:
            raise click.ClickException(watch.refusal)


def _refuse_early(settings: Settings, broker: BrokerAccess) -> None:
    """Refuse what cannot go on before this run ends one that decides.

    Raises
    ------
    Refused
        Rows had another length.
    """
    with TopicConsumer(broker, []) as reader:
        resume(settings, reader)


def run_record(settings: Settings) -> None:
    """Write decisions and status to the store until a signal."""
    from silverbullet.opening import has_records, open_store, store_place
    from storage.protocol import StoreError
    from storage.recorder import record
    from storage.recording import Recorder

    kafka = settings.kafka
    with _process(settings) as stop:
        try:
            store = open_store(settings)
            resumes = has_records(store, settings.decide.portfolio, stop)
        except StoreError as error:
            raise Refused(str(error)) from None
        prepare_topics(kafka, needs_of_record(kafka))
        source = TopicConsumer(
            broker_access(kafka),
            [kafka.decisions_topic, kafka.status_topic],
            group="silverbullet.record",
            # A new store has none of what another one made the group commit.
            start="committed" if resumes else "earliest",
            fetch_wait_max_ms=kafka.fetch_wait_max_ms,
        )
        recorder = Recorder(decisions_topic=kafka.decisions_topic, status_topic=kafka.status_topic)
        try:
            log.info("recording to %s", store_place(settings))
            counts = record(
                source,
                store,
                stop=stop,
                retention_s=settings.storage.retention_s,
                recorder=recorder,
                source_errors=(BrokerError,),
            )
            log.info("recorded %s", counts)
        finally:
            source.close()
            store.close()


def run_serve(settings: Settings) -> None:
    """Serve the dashboard and the API until a signal."""
    from silverbullet.control_sender import ControlSender
    from silverbullet.opening import open_store
    from storage.protocol import StoreError
    from ui.server import BindError, PortTakenError, serve

    _log_to_stderr()
    kafka = settings.kafka
    try:
        code = serve(
            functools.partial(open_store, settings, read_only=True),
            settings.serve.host,
            settings.serve.port,
            settings.serve.streams,
            portfolio=settings.decide.portfolio,
            tokens=settings.serve.tokens_path,
            reads_need_token=settings.serve.reads_need_token,
            host_names=settings.serve.host_names,
            requests_per_s=settings.serve.requests_per_s,
            send_control=ControlSender(broker_access(kafka), kafka.control_topic)
            if kafka.bootstrap
            else None,
            on_ready=lambda address: click.echo(f"serving {address}"),
        )
    except (BindError, PortTakenError, StoreError) as error:
        raise Refused(str(error)) from None
    sys.exit(code)


def run_simulate(
    read_settings: Callable[..., Settings], paths: Sequence[Path], options: FeedOptions
) -> None:
    """Feed the topic of ticks until a signal or the end of the files."""
    settings = read_settings(spacing_settings(paths, options))
    speed = options.speed_factor()
    source = make_source(paths, options, settings)
    with _process(settings) as stop:
        kafka = settings.kafka
        broker = broker_access(kafka)
        prepare_topics(kafka, needs_of_feeds(kafka))
        source, begin_ns = _go_on(source, broker, kafka.ticks_topic)
        # After a restart the window's history is there already, and would only come late; so
        # would ticks of now where event time ran ahead (--speed).
        is_first = begin_ns is None
        if begin_ns is not None:
            # A recording's first tick is up to one interval before the time that is asked for.
            margin_ns = settings.window.sample_interval_ns if paths else 0
            begin_ns = max(begin_ns + margin_ns, time.time_ns())
        rate = 0.0 if paths or math.isinf(speed) else options.rate * speed
        producer = TopicProducer(broker, rate_hint=rate)
        report = feed_ticks(
            source,
            producer,
            kafka.ticks_topic,
            stop=stop,
            speed=speed,
            history_ns=history_ns(paths, settings) if is_first else 0,
            begin_ns=begin_ns,
            n_partitions=len(ticks_partitions(kafka)),
        )
        producer.close(_STOPPED_FLUSH_S if stop.is_set() else _FLUSH_S)
        log.info("sent %d ticks in %d messages", report.ticks, report.messages)


def _go_on(source: TickSource, broker: BrokerAccess, topic: str) -> tuple[TickSource, int | None]:
    """Let a source go on where the topic ends; gives the newest event time too, None at first."""
    # A reader of no topic: a consumer of this one would begin to fetch all of it.
    with TopicConsumer(broker, []) as reader:
        return go_on(source, functools.partial(reader.last, topic))
