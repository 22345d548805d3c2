"""The real parts under a steady load, as processes of their own."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.brokers import Broker
from bench.pipeline.contenders import topic_environment
from bench.pipeline.listener import Topics
from cluster.process import Child, spawn

ASSETS = 50
ROW_S = 0.25
"""Four decisions a second: 7200 in half an hour, and 70 MB of them in the store."""
_GRACE_S = 10.0
PARTS = ("serve", "record", "run", "simulate")


def free_port() -> int:
    """Give a port on loopback that nothing holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def soak_environment(
    broker: Broker, topics: Topics, folder: Path, port: int, retention_s: float
) -> dict[str, str]:
    """Set where things are and how often is decided; all else is as by default, on threads."""
    settings = {
        "WINDOW__SAMPLE_INTERVAL_S": ROW_S,
        "ENGINE__ORDER": "local",
        "STORAGE__BACKEND": "sqlite",
        "STORAGE__PATH": folder / "decisions.sqlite",
        "STORAGE__RETENTION_S": retention_s,
        "SERVE__PORT": port,
        "SERVE__TOKENS": folder / "tokens.json",
    }
    ours = {f"SILVERBULLET_{name}": str(value) for name, value in settings.items()}
    return topic_environment(broker, topics) | ours


@contextmanager
def running_parts(
    environment: dict[str, str], folder: Path, rate: float, assets: int = ASSETS
) -> Iterator[list[Child]]:
    """Start all parts; at the end none is left.

    Parameters
    ----------
    environment
        Settings as variables.
    folder
        Of their logs.
    rate
        Ticks a second, of all assets together.
    assets
        How many are simulated.
    """
    arguments: dict[str, list[str]] = {name: [] for name in PARTS}
    arguments["simulate"] = ["--assets", str(assets), "--rate", str(rate)]
    with ExitStack() as stack:
        children = []
        for name in PARTS:
            child = spawn(
                [sys.executable, "-P", "-m", "silverbullet.cli", name, *arguments[name]],
                name=name,
                env=environment,
                log_path=folder / f"{name}.log",
            )
            stack.callback(child.terminate, _GRACE_S)
            children.append(child)
        yield children
