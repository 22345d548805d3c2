"""The commands' insides: each builds its part from the settings and runs it."""

import functools
import logging
import sys
import time

import click

from ingest.access import BrokerAccess
from ingest.broker import BrokerError
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from optimize.engines.fingerprint import fingerprint
from optimize.evaluate import evaluate_block
from silverbullet.broker_access import broker_access
from silverbullet.checkpointing import Checkpoints
from silverbullet.evaluators import make_evaluator, settings_choice
from silverbullet.options import Refused
from silverbullet.part_process import flush_limit_s, log_to_stderr, part_process
from silverbullet.partition_watch import PartitionWatch
from silverbullet.resuming import resume
from silverbullet.runner import Runner
from silverbullet.settings import Settings
from silverbullet.sole_run import open_outputs
from silverbullet.starting import begin
from silverbullet.steering import ControlFeed, Steering
from silverbullet.topics import needs_of_record, needs_of_run, prepare_topics, ticks_partitions
from silverbullet.warm import warm_everything

log = logging.getLogger("silverbullet")

_RECORD_READ_AHEAD_KIB = 8_192  # decisions of 10 kB: a batch of 500, twice over


def run_pipeline(settings: Settings, *, until_end: bool) -> None:
    """Run the pipeline until a signal, or to the end of the topic."""
    with part_process(settings) as stop:
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
            in_batches=True,
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
            outputs.close(flush_limit_s(stop))
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
    from silverbullet.opening import has_records, open_store, store_place, told
    from storage.protocol import StoreError
    from storage.recorder import record
    from storage.recording import Recorder

    kafka = settings.kafka
    with part_process(settings) as stop:
        try:
            store = open_store(settings)
            resumes = has_records(store, settings.decide.portfolio, stop)
        except StoreError as error:
            raise told(error) from None
        prepare_topics(kafka, needs_of_record(kafka))
        source = TopicConsumer(
            broker_access(kafka),
            [kafka.decisions_topic, kafka.status_topic],
            group="silverbullet.record",
            # A new store has none of what another one made the group commit.
            start="committed" if resumes else "earliest",
            fetch_wait_max_ms=kafka.fetch_wait_max_ms,
            # With the default of 64 MB a recorder that caught up with 118 MB took 410 MB, and 200
            # at rest.
            read_ahead_kib=_RECORD_READ_AHEAD_KIB,
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
    from silverbullet.opening import open_store, told
    from storage.protocol import StoreError
    from ui.server import BindError, PortTakenError, serve

    log_to_stderr()
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
    except (BindError, PortTakenError) as error:
        raise Refused(str(error)) from None
    except StoreError as error:
        raise told(error) from None
    sys.exit(code)
