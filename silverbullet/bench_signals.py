"""How a benchmark ends by a signal: in order, so that what it started ends with it."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHELL: Final = 128  # and the signal's number: the exit status that shells give


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Have a signal that ends the process leave every block first.

    By default SIGTERM and SIGHUP end it on the spot: a Kafka of its own, which is no child of it,
    would run on, and its folders stay. The first signal counts; those that follow while it ends,
    as of a parent that ends too, are passed over. One that was ignored before, as under nohup,
    still is. Outside the main thread nothing is changed.

    Raises
    ------
    KeyboardInterrupt
        At SIGINT, wherever the block is.
    SystemExit
        At SIGTERM and SIGHUP, with 128 and the signal's number.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: handler
        for number in ENDING
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }
    for number in before:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    for one in ENDING:  # not SIG_IGN, which whatever is started to clean up would inherit
        if signal.getsignal(one) is _end:
            signal.signal(one, _pass_over)
    print(f"{signal.Signals(number).name}: ending what was started", file=sys.stderr, flush=True)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(_SHELL + number)


def _pass_over(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: it ends already."""
