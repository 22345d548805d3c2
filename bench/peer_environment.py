"""An environment of its own for a peer whose requirements contradict ours."""

import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

import platformdirs

_INSTALL_LIMIT_S = 600.0
# PyPortfolioOpt imports packaging and does not ask for it.
QUIXSTREAMS: Final = (
    "quixstreams==3.28.1",
    "numpy==2.4.6",
    "pyportfolioopt==1.6.0",
    "packaging==25.0",
)
QUIX_SCRIPT: Final = Path(__file__).with_name("quix_reader.py")
QUIX_LOOP: Final = Path(__file__).with_name("pipeline") / "quix_loop.py"


class NoEnvironmentError(RuntimeError):
    """The peer's packages could not be installed; the message says why."""


def peer_python(requirements: tuple[str, ...] = QUIXSTREAMS) -> Path:
    """Give the interpreter of an environment with some packages, which is made once (600 MB).

    Raises
    ------
    NoEnvironmentError
        Its packages cannot be had.
    """
    name = "-".join(one.replace("==", "-") for one in requirements)
    folder = Path(platformdirs.user_cache_dir("silverbullet")) / "peers" / name
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    print(f"installing {', '.join(requirements)} in {folder}", file=sys.stderr)
    venv.create(folder, clear=True, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            [*pip, *requirements], capture_output=True, text=True, timeout=_INSTALL_LIMIT_S,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NoEnvironmentError(
            f"{requirements[0]} was not installed within {_INSTALL_LIMIT_S:.0f} s"
        ) from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise NoEnvironmentError(f"{requirements[0]} could not be installed: {last}")
    (folder / "complete").touch()
    return python


def quix_versions() -> dict[str, str]:
    """Give the version of quixstreams, and what its environment has beside it."""
    first, *others = (one.split("==") for one in QUIXSTREAMS)
    beside = ", ".join(f"{name} {version}" for name, version in others)
    return {first[0]: f"{first[1]} (with {beside})"}


def quix_python() -> Path | None:
    """Give the interpreter that has quixstreams; None, and a line on stderr, where none can be."""
    try:
        return peer_python()
    except NoEnvironmentError as error:
        print(f"quixstreams is left out: {error}", file=sys.stderr)
        return None
