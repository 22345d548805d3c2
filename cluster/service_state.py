"""What stands in the folder of a local Kafka or Cassandra: its layout, and its servers' pids."""

import contextlib
import json
import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from cluster.cluster_state import boot_id, hold_folder, start_ticks, write_private
from cluster.service_layout import ServiceLayout


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server that was started.

    Attributes
    ----------
    node
        Its number, from 1.
    pid, start_ticks, boot
        The process; when it started, in clock ticks since boot; and which boot. A pid alone
        could be another's by now.
    """

    node: int
    pid: int
    start_ticks: int
    boot: str

    @property
    def lives(self) -> bool:
        """Whether this very process runs."""
        return self.boot == boot_id() and start_ticks(self.pid) == self.start_ticks


@dataclass(frozen=True, slots=True)
class ServiceState:
    """What holds of a service, up or down.

    Attributes
    ----------
    version
        Of the servers that wrote its data last.
    n_nodes, port_offset, secure
        See `ServiceLayout`.
    prepared
        Whether its data folders are ready for a start.
    users_made
        Whether a secure one has its users.
    servers
        Those started; empty when it was taken down in good order.
    """

    version: str
    n_nodes: int
    port_offset: int
    secure: bool
    prepared: bool = False
    users_made: bool = False
    servers: tuple[ServerProcess, ...] = ()


class ServiceFolder:
    """The folder of one service; nothing is made before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_path = path / "service.json"

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Be the only command that starts or ends it: see `hold_folder`."""
        with hold_folder(self.path, "the servers"):
            yield

    def read(self) -> ServiceState | None:
        """Give what holds of it; None where it has never been up.

        Raises
        ------
        ValueError
            The file is not of this version.
        """
        try:
            found = json.loads(self.state_path.read_text())
            servers = tuple(ServerProcess(**server) for server in found.pop("servers"))
            return ServiceState(servers=servers, **found)
        except FileNotFoundError:
            return None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.state_path} cannot be read ({error}): delete it") from None

    def write(self, state: ServiceState) -> None:
        """Put a state in the place of the one before, at once."""
        write_private(self.state_path, json.dumps(asdict(state)))

    def layout(self, state: ServiceState) -> ServiceLayout:
        """Give where and how it is laid out."""
        return ServiceLayout(self.path, state.n_nodes, state.port_offset, state.secure)

    def node_folders(self) -> list[Path]:
        """List the folders of nodes that are there, whatever the state says."""
        return sorted(self.path.glob("node[0-9]"))

    def wipe(self) -> None:
        """Delete nodes, certificates, passwords and state; a file that is not ours stays."""
        for folder in self.node_folders():
            shutil.rmtree(folder)
        self.state_path.unlink(missing_ok=True)
        for pattern in ("*.pem", "*.password"):
            for path in self.path.glob(pattern):
                path.unlink()
        with contextlib.suppress(OSError):  # something else is in it
            self.path.rmdir()


def end_processes(servers: Sequence[ServerProcess], number: signal.Signals, limit_s: float) -> bool:
    """Signal those that run and wait for their end; tell whether all have ended."""
    found = []
    for server in servers:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(server.pid)
            if server.lives:  # looked at again: psutil holds its own time of start from here on
                process.send_signal(number)
                found.append(process)
    psutil.wait_procs(found, timeout=limit_s)
    return not any(server.lives for server in servers)
