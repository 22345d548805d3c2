"""Keeps a Ray cluster on loopback: a head without CPUs, and a node with one CPU a worker.

The only file of this package that imports ray. Several nodes on one machine are what Ray's own
`Cluster` is for; `ray start` refuses a second one while Ray is held to loopback.
"""

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

from cluster.cluster_state import ClusterFolder
from cluster.keeper import run_keeper

_LOOPBACK = "127.0.0.1"
_OBJECT_STORE_BYTES = 80 * 2**20  # jobs only, 2 MB at 500 assets; Ray wants at least 75 MiB
# A block is at most 0.7 s of work; a worker with our own dispatch never ends by itself.
_DRAIN_S = 10
_RAYLET = "raylet"
_ESSENTIAL = ("gcs_server", _RAYLET)
# A socket's path has at most 107 bytes, and 66 of Ray's are its own:
# /session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store
_PATH_LIMIT = 107 - 66


class RayCluster:
    """Ray's nodes as processes of this one's session.

    Parameters
    ----------
    folder
        Where the token is.
    scratch
        Folder for Ray's files.

    Raises
    ------
    OSError
        Its path is too long for sockets.
    """

    def __init__(self, folder: ClusterFolder, scratch: Path) -> None:
        self._files = scratch / "ray"  # where Ray looks for them below its RAY_TMPDIR
        if len(os.fsencode(self._files)) > _PATH_LIMIT:
            raise OSError(f"{scratch} is too long a path for Ray's sockets: set TMPDIR to another")
        self._files.mkdir()
        # Before ray is imported. Without the first, Ray rewrites 127.0.0.1 to the host's address
        # and listens on every interface; with the last, `ray.init` of somebody else on this
        # machine does not find this cluster by itself.
        os.environ |= {
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(folder.secret_path),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
            "RAY_TMPDIR": str(scratch),
        }
        os.environ.pop("RAY_AUTH_TOKEN", None)
        folder.make_secret()
        self._cluster: Any = None
        self._leaving: Any = None
        self._left_ns = 0

    def start(self, port: int, workers: int) -> str:
        """Start the head, then the nodes."""
        from ray.cluster_utils import Cluster  # noqa: PLC0415 - it takes 2 s

        head = {"num_cpus": 0, "gcs_server_port": port, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=self._node(**head))
        for _ in range(workers):
            self._cluster.add_node(**self._node(num_cpus=1))
        return str(self._cluster.address)

    def tend(self, workers: int) -> tuple[int, str]:
        """Replace nodes that died; add one, or let one finish its tasks and take it away.

        Raises
        ------
        RuntimeError
            The head has died.
        """
        for kind, _ in self._cluster.head_node.dead_processes():
            if kind in _ESSENTIAL:
                raise RuntimeError(f"{kind} of Ray's head has died")
        nodes = sorted(self._cluster.worker_nodes, key=lambda node: str(node.unique_id))
        for node in nodes:
            if not _lives(node):
                self._cluster.remove_node(node, allow_graceful=False)
                self._leaving = None if node is self._leaving else self._leaving
        nodes = [node for node in nodes if node in self._cluster.worker_nodes]
        if self._leaving is not None:
            if time.monotonic_ns() - self._left_ns > _DRAIN_S * 1_000_000_000:  # noqa: TID251
                self._cluster.remove_node(self._leaving)
                self._leaving = None
        elif len(nodes) > workers:
            self._drain(nodes[-1])
        elif len(nodes) < workers:
            try:
                self._cluster.add_node(**self._node(num_cpus=1))
            except TimeoutError as error:  # after 30 s; the others go on
                return len(nodes), f"{workers} are wanted; a node does not come up: {error}"
        present = len(self._cluster.worker_nodes)
        return present, "" if present == workers else f"{workers} are wanted"

    def stop(self) -> None:
        """End the nodes, then the head."""
        if self._cluster is not None:
            self._cluster.shutdown()

    def _drain(self, node: Any) -> None:
        """Have a node take no more tasks; it ends by itself when it has none."""
        # Names that they make when they are loaded: no type checker sees them.
        raylet: Any = importlib.import_module("ray._raylet")
        messages: Any = importlib.import_module("ray.core.generated.autoscaler_pb2")
        reason = messages.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
        deadline_ms = time.time_ns() // 1_000_000 + _DRAIN_S * 1000  # noqa: TID251
        client = raylet.GcsClient(address=self._cluster.address)
        accepted, why = client.drain_node(node.node_id, reason, "scaled down", deadline_ms)
        if not accepted:
            raise RuntimeError(f"Ray does not let a node go: {why}")
        self._leaving, self._left_ns = node, time.monotonic_ns()  # noqa: TID251

    def _node(self, **arguments: Any) -> dict[str, Any]:
        return {
            "node_ip_address": _LOOPBACK,
            "temp_dir": str(self._files),
            "object_store_memory": _OBJECT_STORE_BYTES,
            **arguments,
        }


def _lives(node: Any) -> bool:
    return any(kind == _RAYLET for kind, _ in node.live_processes())


if __name__ == "__main__":
    sys.exit(run_keeper("ray", RayCluster))
