"""Where a run goes on: the newest decision of an earlier one."""

import logging
from collections.abc import Sequence

import msgspec

from ingest.consumer import TopicConsumer
from optimize.decision import Decision, decode_decision
from silverbullet.options import Refused
from silverbullet.settings import Settings

log = logging.getLogger("silverbullet.run")

# Newest decisions looked at for one of our own portfolio; others may share the topic.
_LOOK_BACK = 20


def newest_decision(payloads: Sequence[bytes], portfolio: str) -> Decision | None:
    """Find a portfolio's newest decision among the last messages of its topic.

    Raises
    ------
    msgspec.DecodeError
        A message is no decision of this version.
    """
    found = [decode_decision(payload) for payload in payloads]
    mine = [decision for decision in found if decision.portfolio == portfolio]
    return max(mine, key=lambda decision: decision.id, default=None)


def resume(settings: Settings, consumer: TopicConsumer) -> Decision | None:
    """Find where an earlier run stopped, or None.

    Raises
    ------
    Refused
        It decided on rows of another length.
    """
    payloads = consumer.last(settings.kafka.decisions_topic, _LOOK_BACK)
    try:
        found = newest_decision(payloads, settings.decide.portfolio)
    except msgspec.DecodeError as error:
        log.warning("the newest decisions are of another version (%s): deciding anew", error)
        return None
    if found is None:
        return None
    ours_ns = settings.window.sample_interval_ns
    if found.sample_interval_ns != ours_ns:
        # Row numbers of two intervals do not compare: it would wait for rows that never come.
        raise Refused(
            f"portfolio {found.portfolio} was decided on rows of "
            f"{found.sample_interval_ns / 1e9:g} s, not {ours_ns / 1e9:g} s: keep "
            "window.sample_interval_s, or give decide.portfolio another name"
        )
    return found
