"""A host's end, where its pipeline dies in the middle of it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# In a session of its own: a host kills all that is in its session.
HOST = """
import argparse, os, socket, sys
from pathlib import Path
from optimize.engines import host

class Lost:
    def come_up(self): return "", 0
    def take(self, item): pass
    def lost(self): return "the scheduler has died"

folder = Path(sys.argv[1])
(folder / host.SCHEDULER_FOLDER).mkdir()
hub = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
hub.bind(f"{folder}/peers.sock")
hub.listen()
options = argparse.Namespace(
    endpoint=f"ipc://{folder}/peers.sock", folder=folder, address="local", parent=os.getppid()
)
sweep = host.sweep

def sweep_as_the_pipeline_dies(folder, limit_s):
    sweep(folder, limit_s)
    if sys.argv[2] == "dies":
        options.parent = 0

host.sweep = sweep_as_the_pipeline_dies
host.Host("host", options, lambda *_: Lost()).run()
"""


def _end(folder: Path, pipeline: str) -> None:
    folder.mkdir()
    argv = [sys.executable, "-c", HOST, str(folder), pipeline]
    subprocess.run(argv, cwd=ROOT, start_new_session=True, timeout=60, check=False)


def test_a_pipeline_that_dies_while_its_host_sweeps_leaves_no_folder(tmp_path: Path) -> None:
    _end(tmp_path / "dies", "dies")
    assert not (tmp_path / "dies").exists()


def test_a_pipeline_that_lives_keeps_the_folder_for_the_next_host(tmp_path: Path) -> None:
    _end(tmp_path / "lives", "lives")
    assert [path.name for path in (tmp_path / "lives").iterdir()] == ["peers.sock"]
