"""What commands on local services say while they wait, with the time it has taken so far."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cluster.jars import Tell


@contextmanager
def saying(names: Sequence[str]) -> Iterator[Tell]:
    """Tell on stderr what is under way: one moving line on a terminal, else a line each."""
    console = Console(stderr=True)
    if not console.is_terminal:
        begun_s = time.monotonic()

        def tell(line: str) -> None:
            took = f"{line} ({time.monotonic() - begun_s:.0f} s)"
            console.print(took, soft_wrap=True, highlight=False, markup=False)

        yield tell
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(", ".join(names), total=None)
        yield lambda line: progress.update(task, description=line)
