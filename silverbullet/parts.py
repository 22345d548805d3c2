"""The inside of `run`: it builds the pipeline from the settings and runs it."""

import functools
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack

import click

from ingest.access import BrokerAccess
from ingest.consumer import TopicConsumer
from ingest.offsets import Partition
from ingest.producer import TopicProducer
from optimize.engines.fingerprint import fingerprint
from optimize.evaluate import evaluate_block
from silverbullet.broker_access import broker_access
from silverbullet.checkpointing import Checkpoints
from silverbullet.evaluators import make_evaluator, settings_choice
from silverbullet.part_process import flush_limit_s, part_process
from silverbullet.partition_watch import PartitionWatch
from silverbullet.resuming import resume
from silverbullet.runner import Runner
from silverbullet.settings import Settings
from silverbullet.sole_run import open_outputs
from silverbullet.starting import begin
from silverbullet.steering import ControlFeed, Steering
from silverbullet.topics import needs_of_run, prepare_topics, ticks_partitions
from silverbullet.warm import compile_apart, warm_everything

log = logging.getLogger("silverbullet")


def run_pipeline(settings: Settings, *, until_end: bool) -> None:
    """Run the pipeline until a signal, or to the end of the topic."""
    with part_process(settings) as stop:
        kafka, broker = settings.kafka, broker_access(settings.kafka)
        prepare_topics(kafka, needs_of_run(kafka))
        _refuse_early(settings, broker)
        compile_apart(stop)
        if stop.is_set():
            return
        warm_everything(progress=False)
        refusal = _decide(settings, broker, stop, until_end=until_end)
        if refusal:
            raise click.ClickException(refusal)


def _decide(
    settings: Settings, broker: BrokerAccess, stop: threading.Event, *, until_end: bool
) -> str:
    """Decide until it is to stop; gives what of the topic forbids to go on, else nothing."""
    kafka = settings.kafka
    with ExitStack() as ends:  # whatever of it fails, decisions that were sent go out
        # Before anything is read: an earlier run that still decides must add nothing to it.
        outputs = open_outputs(broker, settings.decide.portfolio, kafka.transaction_s)
        ends.callback(lambda: outputs.close(flush_limit_s(stop)))
        partitions = ticks_partitions(kafka)
        beginning = begin(settings, partitions)
        consumer = ends.enter_context(_open_ticks(settings, broker, beginning.positions))
        checkpoints = Checkpoints(
            settings,
            TopicProducer(broker, rate_hint=1.0),
            fingerprint(evaluate_block),
            beginning.checkpoint_number,
        )
        ends.callback(checkpoints.close)
        steering = _make_steering(settings, broker)
        runner = Runner(
            settings, beginning.decider, beginning.admission, consumer, outputs.decisions,
            steering.engines, stop, steering, checkpoints, outputs.rejected,
        )  # fmt: skip
        watch = PartitionWatch(TopicConsumer(broker, []), kafka.ticks_topic, partitions, stop)
        ends.callback(steering.close)
        ends.callback(watch.close)
        steering.start()
        log.info("reading %s at %s", kafka.ticks_topic, kafka.bootstrap)
        runner.run(until_end=until_end)
    return watch.refusal


def _open_ticks(
    settings: Settings, broker: BrokerAccess, positions: Mapping[Partition, int] | None
) -> TopicConsumer:
    return TopicConsumer(
        broker,
        [settings.kafka.ticks_topic],
        start=positions or "earliest",
        fetch_wait_max_ms=settings.kafka.fetch_wait_max_ms,
        in_batches=True,
    )


def _make_steering(settings: Settings, broker: BrokerAccess) -> Steering:
    return Steering(
        ControlFeed(TopicConsumer(broker, [settings.kafka.control_topic])),
        settings_choice(settings),
        functools.partial(make_evaluator, settings),
        time.monotonic_ns,
        time.time_ns,
        fingerprint(evaluate_block),
    )


def _refuse_early(settings: Settings, broker: BrokerAccess) -> None:
    """Refuse what cannot go on before this run ends one that decides.

    Raises
    ------
    Refused
        Rows had another length.
    """
    with TopicConsumer(broker, []) as reader:
        resume(settings, reader)
