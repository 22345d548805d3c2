"""The inside of `run`: it builds the pipeline from the settings and runs it."""

import functools
import logging
import time

import click

from ingest.access import BrokerAccess
from ingest.consumer import TopicConsumer
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
from silverbullet.warm import warm_everything

log = logging.getLogger("silverbullet")


def run_pipeline(settings: Settings, *, until_end: bool) -> None:
    """Run the pipeline until a signal, or to the end of the topic."""
    with part_process(settings) as stop:
        kafka, broker = settings.kafka, broker_access(settings.kafka)
        prepare_topics(kafka, needs_of_run(kafka))
        _refuse_early(settings, broker)
        warm_everything(progress=False)
        # Before anything is read: an earlier run that still decides must add nothing to it.
        outputs = open_outputs(broker, settings.decide.portfolio, settings.kafka.transaction_s)
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
