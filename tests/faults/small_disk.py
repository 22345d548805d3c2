"""A small file system, without root: a tmpfs in a mount namespace of its own."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.commands import COMMAND, ROOT, environment

_REMEDY = "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1)"


class SmallDisk:
    """A folder of so many megabytes, seen by the commands run in it; gone at the end of the block.

    Parameters
    ----------
    folder
        Empty; outside it stays so.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        script = f'mount -t tmpfs -o size={megabytes}m tmpfs "$0" && echo mounted && exec cat'
        self._holder = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", script, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "mounted\n":
            self.close()
            lacks = f"no file system can be mounted here: {_REMEDY}"
            if os.environ.get("SILVERBULLET_TEST_REQUIRE_ALL"):
                pytest.fail(lacks)
            pytest.skip(lacks)

    def path(self, name: str) -> Path:
        """Give where a file of it is seen from outside."""
        root = Path(f"/proc/{self._holder.pid}/root")
        return root / self.folder.relative_to("/") / name

    def run(self, *arguments: object, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command of ours where the folder is the small one."""
        enter = ["nsenter", "-t", str(self._holder.pid), "-U", "-m", "--preserve-credentials"]
        return subprocess.run(
            [*enter, f"--wd={ROOT}", *COMMAND, *map(str, arguments)],
            env=environment(self.folder.parent),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def fill(self) -> int:
        """Leave no room; give how many bytes that took."""
        written = 0
        with self.path("filler").open("wb", buffering=0) as filler:
            try:
                while n_bytes := filler.write(bytes(4096)):
                    written += n_bytes
            except OSError:
                pass
        return written

    def make_room(self) -> None:
        """Take the filler away."""
        self.path("filler").unlink()

    def close(self) -> None:
        """Let the file system go; what still runs on it keeps it until it ends."""
        self._holder.communicate()

    def __enter__(self) -> "SmallDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
