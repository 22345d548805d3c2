"""Where a demo keeps its files: for those who look for a running one, without its imports."""

from pathlib import Path

import platformdirs

BROKER_FILE = "broker"
"""Where the demo's folder says its broker's address, while the demo runs."""


def demo_folder() -> Path:
    """Give the folder of the demo's store, logs and lock."""
    return Path(platformdirs.user_state_dir("silverbullet")) / "demo"
