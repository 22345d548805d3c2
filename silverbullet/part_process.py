"""What every part is as a process: its log, its signals, its end."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

from ingest.broker import BrokerError
from optimize.engines.session import on_signals
from silverbullet.broker_access import broker_access
from silverbullet.settings import Settings

log = logging.getLogger("silverbullet")

_FLUSH_S: Final = 10.0
# Told to end, a part waits less for the broker: a demo's broker may have gone before it.
_STOPPED_FLUSH_S: Final = 2.0
# A call into librdkafka may wait 10 s for a broker that is gone, and takes no signal meanwhile.
# All parts go on after kill -9 where they were, so an end by force loses nothing.
_END_LIMIT_S: Final = 6.0


def log_to_stderr() -> None:
    """Let the log go to standard error, a line each."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )


def end_on_signals(end: Callable[[], object]) -> None:
    """Call ``end`` on SIGINT and SIGTERM; 6 s later the process ends by force."""

    def end_in_time() -> None:
        end()
        timer = threading.Timer(_END_LIMIT_S, _end_hard)
        timer.daemon = True
        timer.start()

    on_signals({signal.SIGINT: end_in_time, signal.SIGTERM: end_in_time})


def _end_hard() -> None:
    log.error("not ended %g s after the signal; ended by force: the broker is gone", _END_LIMIT_S)
    os._exit(1)


@contextmanager
def part_process(settings: Settings) -> Iterator[threading.Event]:
    """Set up logging and signals; a broker's fault ends the process with one line.

    Yields
    ------
    Event
        Set when the part is to end.

    Raises
    ------
    Refused
        No broker is named, or what its security needs is missing.
    click.ClickException
        The broker cannot be reached or refuses.
    """
    log_to_stderr()
    broker_access(settings.kafka)
    stop = threading.Event()
    end_on_signals(stop.set)
    try:
        yield stop
    except BrokerError as error:
        raise click.ClickException(str(error)) from None


def flush_limit_s(stop: threading.Event) -> float:
    """Give how long to wait for the broker to take what was sent."""
    return _STOPPED_FLUSH_S if stop.is_set() else _FLUSH_S
