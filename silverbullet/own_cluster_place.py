"""Where the clusters of ours are kept, and what joins one: for those who only look."""

import shlex
from pathlib import Path

import platformdirs

from cluster.cluster_state import ClusterFolder, ClusterState

ENGINES = ("ray", "spark")
"""Those that there are clusters of."""


def own_folder(engine: str) -> ClusterFolder:
    """Give the folder of an engine's cluster."""
    return ClusterFolder(Path(platformdirs.user_state_dir("silverbullet")) / "cluster" / engine)


def joining(state: ClusterState) -> dict[str, str | int]:
    """Say what a pipeline needs to join: address, file of the secret, options, the shell's part.

    The secret itself is nowhere in it.
    """
    secret = str(own_folder(state.engine).secret_path)
    key, shell = {
        "ray": ("ray_address", f"export RAY_AUTH_TOKEN_PATH={shlex.quote(secret)}"),
        "spark": ("spark_master", f"export SPARK_AUTH_SECRET_PATH={shlex.quote(secret)}"),
    }[state.engine]
    options = f"--set engine.{key}={state.address} --set engine.workers={state.workers}"
    return {
        "engine": state.engine, "address": state.address, "workers": state.workers,
        "secret_path": secret, "options": options, "shell": shell,
    }  # fmt: skip


def count_workers(workers: int) -> str:
    """Say how many in words."""
    return "1 worker" if workers == 1 else f"{workers} workers"
