"""Where local services are kept, and how a command is typed that means a folder of them."""

import shlex
from pathlib import Path

import platformdirs


def services_folder() -> Path:
    """Give the usual folder of the services' settings, data and logs."""
    return Path(platformdirs.user_state_dir("silverbullet")) / "services"


def services_command(folder: Path, *words: str) -> str:
    """Write a command of `silverbullet services` that means the services of a folder.

    Without ``--folder`` a command means the usual folder: what is printed to be typed names every
    other one, else `down --wipe` would delete the data of another service.

    Parameters
    ----------
    folder
        Of all services.
    words
        The command and what follows it.
    """
    folder = folder.absolute()
    other = [] if folder == services_folder() else ["--folder", str(folder)]
    return shlex.join(["silverbullet", "services", *words, *other])
