"""The inside of `record`. It loads no kernel: that takes 1.5 s of the processor."""

import logging
from contextlib import ExitStack

from ingest.broker import BrokerError
from ingest.consumer import TopicConsumer
from silverbullet.broker_access import broker_access
from silverbullet.opening import has_records, open_store, store_place, told
from silverbullet.part_process import part_process
from silverbullet.settings import Settings
from silverbullet.topics import needs_of_record, prepare_topics
from storage.protocol import StoreError
from storage.recorder import record
from storage.recording import Recorder

log = logging.getLogger("silverbullet")

_READ_AHEAD_KIB = 8_192  # decisions of 10 kB: a batch of 500, twice over


def run_record(settings: Settings) -> None:
    """Write decisions and status to the store until a signal."""
    kafka = settings.kafka
    with part_process(settings) as stop, ExitStack() as ends:
        try:
            store = open_store(settings)
            ends.callback(store.close)
            resumes = has_records(store, settings.decide.portfolio, stop)
        except StoreError as error:
            raise told(error) from None
        prepare_topics(kafka, needs_of_record(kafka))
        source = ends.enter_context(_open_source(settings, resumes=resumes))
        log.info("recording to %s", store_place(settings))
        counts = record(
            source,
            store,
            stop=stop,
            retention_s=settings.storage.retention_s,
            recorder=Recorder(
                decisions_topic=kafka.decisions_topic, status_topic=kafka.status_topic
            ),
            source_errors=(BrokerError,),
        )
        log.info("recorded %s", counts)


def _open_source(settings: Settings, *, resumes: bool) -> TopicConsumer:
    kafka = settings.kafka
    return TopicConsumer(
        broker_access(kafka),
        [kafka.decisions_topic, kafka.status_topic],
        group="silverbullet.record",
        # A new store has none of what another one made the group commit.
        start="committed" if resumes else "earliest",
        fetch_wait_max_ms=kafka.fetch_wait_max_ms,
        # With the default of 64 MB a recorder that caught up with 118 MB took 410 MB, and 200
        # at rest.
        read_ahead_kib=_READ_AHEAD_KIB,
    )
