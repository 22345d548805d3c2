"""The insides of ``simulate``: made or recorded ticks, sent until a signal."""

import functools
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.access import BrokerAccess
from ingest.consumer import TopicConsumer
from ingest.feed import TickSource
from ingest.feed import feed as feed_ticks
from ingest.producer import TopicProducer
from silverbullet.broker_access import broker_access
from silverbullet.feeding import FeedOptions, go_on, history_ns, make_source, spacing_settings
from silverbullet.part_process import flush_limit_s, part_process
from silverbullet.settings import Settings
from silverbullet.topics import needs_of_feeds, prepare_topics, ticks_partitions

log = logging.getLogger("silverbullet")


def run_simulate(
    read_settings: Callable[..., Settings], paths: Sequence[Path], options: FeedOptions
) -> None:
    """Feed the topic of ticks until a signal or the end of the files."""
    settings = read_settings(spacing_settings(paths, options))
    speed = options.speed_factor()
    source = make_source(paths, options, settings)
    with part_process(settings) as stop:
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
        producer.close(flush_limit_s(stop))
        log.info("sent %d ticks in %d messages", report.ticks, report.messages)


def _go_on(source: TickSource, broker: BrokerAccess, topic: str) -> tuple[TickSource, int | None]:
    """Let a source go on where the topic ends; gives the newest event time too, None at first."""
    # A reader of no topic: a consumer of this one would begin to fetch all of it.
    with TopicConsumer(broker, []) as reader:
        return go_on(source, functools.partial(reader.last, topic))
