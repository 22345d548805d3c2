"""What hosts of different schedulers differ in, and the folder that each has."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SCHEDULER_FOLDER = "r"
# A socket's path has at most 107 bytes, and 66 of Ray's are its own:
# /r/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store
_FOLDER_LIMIT = 107 - 66


@dataclass(frozen=True, slots=True)
class HostKind:
    """What one kind of host differs in.

    Attributes
    ----------
    engine
        The setting's word for it.
    module
        What ``python -m`` runs.
    environment
        Makes the variables of a new host, given the address; secrets may be new each time.
    missing
        Says what this machine lacks for it and what helps; empty if nothing.
    essential
        Name of a process that it cannot do without to what people call it; the cause before
        what it takes along.
    """

    engine: str
    module: str
    environment: Callable[[str], Mapping[str, str]]
    missing: Callable[[], str]
    essential: Mapping[str, str] = field(default_factory=dict)


def make_folder(engine: str) -> Path:
    """Make the folder of the hub's socket and of the scheduler's files, for this user only.

    Raises
    ------
    OSError
        It cannot be made, or its path is too long for sockets.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"sb-{engine}-"))
    if len(os.fsencode(folder)) > _FOLDER_LIMIT:
        folder.rmdir()
        room = _FOLDER_LIMIT - len(folder.name) - 1
        raise OSError(
            f"{folder.parent} is too long a path for the sockets of {engine}: "
            f"set TMPDIR to one of at most {room} characters"
        )
    return folder
