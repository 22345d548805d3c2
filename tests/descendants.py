"""Which processes a test has left behind."""

from contextlib import suppress

import psutil


def descendants() -> set[int]:
    """List the pids below this process, without the browser of other tests.

    A browser begins and ends processes whenever it likes, as long as its tests' session lasts.
    """
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # gone since it was listed
            if not process.name().startswith("chrom"):
                found.add(process.pid)
    return found
