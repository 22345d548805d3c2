"""How far the playing of files has come, told on stderr while it lasts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console

from silverbullet.decider import Decider

# A terminal's line is drawn anew; elsewhere (a log, a pipe) each is a line of its own.
_TERMINAL_INTERVAL_S, _LINE_INTERVAL_S = 0.25, 5.0


class Progress:
    """What there is to tell, read from the decider while its own thread works."""

    def __init__(self) -> None:
        self._decider: Decider | None = None
        self._interval_ns = 1

    def follow(self, decider: Decider, sample_interval_ns: int) -> None:
        """Tell from now on how far a decider is."""
        self._interval_ns = sample_interval_ns
        self._decider = decider

    def text(self) -> str:
        """Say ticks read and the event time reached."""
        if self._decider is None:
            return "compiling or loading the kernels"
        market, n_read = self._decider.market, self._decider.counts["read"]
        last_row = market.last_row
        if last_row is None:
            return f"{n_read} ticks read"
        reached = datetime.fromtimestamp((last_row + 1) * self._interval_ns / 1e9, UTC)
        return f"{n_read} ticks read, at {reached:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def say_progress() -> Iterator[Progress]:
    """Tell progress on stderr from a thread: one moving line on a terminal, else one each 5 s."""
    progress, done = Progress(), threading.Event()
    console = Console(stderr=True)

    def tell() -> None:
        if not console.is_terminal:
            while not done.wait(_LINE_INTERVAL_S):
                console.print(progress.text(), soft_wrap=True, highlight=False, markup=False)
            return
        with console.status(progress.text()) as status:
            while not done.wait(_TERMINAL_INTERVAL_S):
                status.update(progress.text())

    thread = threading.Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        done.set()
        thread.join()
