"""Fifty times more workers and fewer again, under load: nothing missed, nothing left behind.

``SILVERBULLET_STEPS`` sets how often.
"""

import os
import random
import time
from pathlib import Path

import pytest

from tests.faults.test_steering import ask, decisions
from tests.integration.demos import DemoUnderWay, alive

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(2400)]
STEPS = int(os.environ.get("SILVERBULLET_STEPS", "50"))
SETTINGS = {"window__sample_interval_s": 0.2, "decide__conflate": "false", "window__rows": 60}


@pytest.mark.parametrize(
    ("engine", "dispatch"),
    [
        ("local", "tasks"),
        pytest.param("ray", "tasks", marks=pytest.mark.ray),
        pytest.param("ray", "resident", marks=pytest.mark.ray),
        pytest.param("spark", "tasks", marks=pytest.mark.spark),
        pytest.param("spark", "resident", marks=pytest.mark.spark),
    ],
)
def test_fifty_scale_steps_cost_no_row_and_leave_nothing(
    engine: str, dispatch: str, tmp_path: Path
) -> None:
    steps = random.Random(7)
    settings = SETTINGS | {"engine__dispatch": dispatch}
    with DemoUnderWay(tmp_path, "--engine", engine, **settings) as demo:
        demo.await_address()

        def workers() -> dict[str, int]:
            listed = demo.answer("engines")["engines"]
            return {one["name"]: one["workers"] for one in listed if one["state"] == "ready"}

        demo.until(lambda: engine in workers(), f"{engine} to be ready")
        run = demo.parts()["run"]
        ask(tmp_path, "cluster", "scale", 1)  # what is made once is made
        demo.until(lambda: workers().get(engine) == 1, "one worker")
        family = {process.pid: process for process in run.children(recursive=True)}
        n_descriptors, n_threads = run.num_fds(), run.num_threads()
        n_workers, begun_s = 1, time.monotonic()
        for _ in range(STEPS - 1):
            n_workers = steps.choice([n for n in (1, 2, 3) if n != n_workers])
            assert ask(tmp_path, "cluster", "scale", n_workers)["state"] == "applied"
        ask(tmp_path, "cluster", "scale", 1)
        demo.until(lambda: workers().get(engine) == 1, "one worker again")

        def settled() -> bool:
            others = [p for p in run.children(recursive=True) if p.pid not in family]
            # The last set has replaced the first; besides it there is nothing.
            return len(alive(others)) <= len(family) and not alive(list(family.values()))

        if engine != "local":
            demo.until(settled, "the old sets to end")
        demo.until(lambda: run.num_threads() <= n_threads + 2, "their threads to end")
        demo.until(lambda: run.num_fds() <= n_descriptors + 8, "their descriptors to close")
        rows = [decision.row for decision in decisions(demo)]
        assert rows == list(range(rows[0], rows[0] + len(rows)))
        assert len(rows) > STEPS
        assert demo.parts()["run"].pid == run.pid
        took_s = time.monotonic() - begun_s
        print(
            f"{engine}, {dispatch}: {STEPS} steps, {took_s:.0f} s, {len(rows)} rows, "
            f"{n_descriptors} -> {run.num_fds()} descriptors"
        )
