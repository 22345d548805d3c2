"""A cluster of ours on this machine: its folder, and what stands there about it.

The folder is the user's alone. While there is a cluster it holds its state, its secret and, when
it is to change, the number of workers wanted; of a cluster that is gone it holds only logs.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

ClusterPhase = Literal["starting", "up", "ended"]
_SECRET_BYTES = 32
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What a cluster's keeper says of it.

    Attributes
    ----------
    engine
        ``ray`` or ``spark``.
    pid, start_ticks, boot
        The keeper, leader of the session that holds all processes of the cluster; when it
        started, in clock ticks since boot; and which boot. A pid alone could be another's by now.
    scratch
        Folder of the scheduler's own files.
    phase, reason
        How it is, and why it ended.
    address
        What a pipeline joins; empty until it is up.
    workers, change
        How many there are, and why they are not as many as wanted; empty if they are.
    """

    engine: str
    pid: int
    start_ticks: int
    boot: str
    scratch: str
    phase: ClusterPhase = "starting"
    reason: str = ""
    address: str = ""
    workers: int = 0
    change: str = ""


class FolderBusyError(RuntimeError):
    """Another command works on this folder."""


class ClusterFolder:
    """The folder of one engine's cluster; nothing is made before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_path = path / "cluster.json"
        self.secret_path = path / "secret"
        self.log_path = path / "logs" / "cluster.log"
        self._wanted_path = path / "wanted"

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Be the only command that starts or ends its cluster: see `hold_folder`."""
        with hold_folder(self.path, "the cluster"):
            yield

    def read(self) -> ClusterState | None:
        """Give what the keeper said last; None where there is no cluster.

        Raises
        ------
        ValueError
            The file is not of this version.
        """
        try:
            return ClusterState(**json.loads(self.state_path.read_text()))
        except FileNotFoundError:
            return None
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.state_path}: {error}; delete it") from None

    def write(self, state: ClusterState) -> None:
        """Put a state in the place of the one before, at once."""
        write_private(self.state_path, json.dumps(asdict(state)))

    def make_secret(self) -> str:
        """Make a secret, readable for the user only, and give it."""
        secret = secrets.token_hex(_SECRET_BYTES)
        write_private(self.secret_path, secret)
        return secret

    def want(self, workers: int) -> None:
        """Ask the keeper for this many workers."""
        write_private(self._wanted_path, str(workers))

    def wanted(self, otherwise: int) -> int:
        """Give how many workers are asked for."""
        try:
            return int(self._wanted_path.read_text())
        except FileNotFoundError:
            return otherwise

    def clear(self, scratch: str = "") -> None:
        """Delete all but the logs, and the scheduler's own files."""
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
        for path in (self._wanted_path, self.secret_path, self.state_path):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def hold_folder(path: Path, whose: str) -> Iterator[None]:
    """Make a folder for the user alone and be the only command that works on it.

    Raises
    ------
    FolderBusyError
        Another one is; ``whose`` names what it starts or ends.
    OSError
        The folder cannot be made.
    """
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    # The folder itself is locked: a lock file would be left behind.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderBusyError(
                f"another command starts or ends {whose} of {path}: wait for it"
            ) from None
        yield
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Put a text in the place of the one before, at once; only the user can read it."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    new.replace(path)


def boot_id() -> str:
    """Name this boot of the machine."""
    return _BOOT_ID.read_text().strip()


def start_ticks(pid: int) -> int | None:
    """Give when a process started, in clock ticks since boot; None where it has ended.

    Unlike a time of day it does not move when the machine's clock is set.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc(5): behind the name, which may hold anything, state is field 3, start is field 22.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[22 - 3])
