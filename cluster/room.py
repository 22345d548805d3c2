"""Whether there is room for a server's data: its log cannot tell, for it lies on the same disk."""

import shutil
from pathlib import Path
from typing import Final

# Cassandra makes its commit log in segments of 16 MB; a Kafka that starts writes some 10 MB.
_LEAST_BYTES: Final = 64 * 2**20


def no_room(folder: Path) -> str:
    """Say that a folder's disk is full, and what to do; empty where it is not.

    Parameters
    ----------
    folder
        Absolute; it need not be there yet.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free >= _LEAST_BYTES:
        return ""
    return (
        f"no space left: the disk of {folder} has {free >> 20} MB free, a server needs "
        f"{_LEAST_BYTES >> 20}; make room there"
    )
