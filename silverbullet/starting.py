"""How a run begins: from a checkpoint, from the oldest tick after an earlier run, or anew."""

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ingest.admission import Admission
from ingest.consumer import TopicConsumer
from ingest.ticks import SymbolTable
from optimize.decision import Decision
from silverbullet.broker_access import broker_access
from silverbullet.checkpoint import Checkpoint, CheckpointError
from silverbullet.checkpointing import find_checkpoint, go_on_from, read_parts
from silverbullet.decider import Decider
from silverbullet.resuming import resume
from silverbullet.settings import Settings

log = logging.getLogger("silverbullet.run")


class Beginning(NamedTuple):
    """Where a run begins.

    Attributes
    ----------
    symbols, admission, decider
        As the run before left them, where it can be known.
    positions
        Offset to begin at in each partition of ticks; None for the oldest.
    checkpoint_number
        Of the newest checkpoint in the topic, 0 where there is none.
    """

    symbols: SymbolTable
    admission: Admission
    decider: Decider
    positions: Mapping[tuple[str, int], int] | None
    checkpoint_number: int


def make_admission(settings: Settings, symbols: SymbolTable) -> Admission:
    """Make what judges ticks by the settings and fills a symbol table."""
    tolerance_ns = round(settings.ticks.future_tolerance_s * 1e9)
    return Admission(symbols, tolerance_ns, settings.kafka.rejected_topic)


def begin(settings: Settings, partitions: Sequence[int]) -> Beginning:
    """Find where to begin.

    Parameters
    ----------
    partitions
        All partitions of the topic of ticks.

    Raises
    ------
    BrokerError
        The broker does not answer.
    Refused
        An earlier run decided on rows of another length.
    """
    kafka, broker = settings.kafka, broker_access(settings.kafka)
    # A reader of no topic: a consumer of one would begin to fetch all of it.
    with TopicConsumer(broker, []) as reader:
        last = resume(settings, reader)
        if last is not None:
            log.info("going on after %s", last.id)
        values: list[bytes] = []
        if settings.decide.checkpoint_interval_s > 0:
            with TopicConsumer(broker, [kafka.state_topic], fetch_wait_max_ms=5) as states:
                values = read_parts(states)
        found = find_checkpoint(values, settings, last, reader)
    if found.checkpoint is not None:
        try:
            return _from_checkpoint(found.checkpoint, settings, partitions, last, found.number)
        except CheckpointError as error:
            log.warning("the checkpoint is of no use: %s", error)
    if last is not None:
        log.warning(
            "no checkpoint to go on from: the windows fill again from the oldest tick at the "
            "broker; what came before it (prices of quiet assets, trade ids) is not known"
        )
    return Beginning(*_fresh(settings, partitions, last), None, found.number)


def _fresh(
    settings: Settings, partitions: Sequence[int], last: Decision | None
) -> tuple[SymbolTable, Admission, Decider]:
    symbols = SymbolTable(settings.ticks.max_symbols)
    admission = make_admission(settings, symbols)
    return symbols, admission, Decider(settings, symbols, partitions=partitions, resume=last)


def _from_checkpoint(
    checkpoint: Checkpoint,
    settings: Settings,
    partitions: Sequence[int],
    last: Decision | None,
    number: int,
) -> Beginning:
    symbols, admission, decider = _fresh(settings, partitions, last)
    go_on_from(checkpoint, decider, admission)
    topic = settings.kafka.ticks_topic
    positions = {(topic, int(p)): at for p, at in checkpoint.header.positions.items()}
    where = ", ".join(f"{name}[{p}]@{at}" for (name, p), at in positions.items())
    log.info("going on from the checkpoint at row %s, %s", decider.market.last_row, where)
    return Beginning(symbols, admission, decider, positions, number)
