"""``bench memory``: the most memory that each part took under a steady load."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from rich.console import Console

from bench.brokers import Broker, OpenBroker, embedded_broker, own_topics, topic_prefix
from bench.machine import describe_machine, describe_versions, with_end_load
from bench.pipeline.listener import Topics
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.rows import OURS, Row, make_row
from bench.soak.benchmark import await_first, check_parts
from bench.soak.parts import PARTS, free_port, running_parts, soak_environment
from bench.soak.samples import MIB, PAGES, Decisions, ask, sum_family

ASSETS = (50, 500)
SECONDS = 60.0
REPETITIONS = 3  # for a range; an interval needs six, of 4 minutes each
RATE_AN_ASSET = 20.0
"""Ticks a second: a window of 1000 ticks an asset is full within the minute."""
_PACKAGES = ("numpy", "numba", "confluent-kafka")
_LISTEN_S = 0.2
_ASK_S = 2.0
_KEPT_S = 3600.0
# 1024 draws of 500 assets whose history is sparse take minutes on two processors; a block's memory
# is the same whatever their number.
_DRAWS = 64
_KIB_A_MIB = 1024


def run_bench(
    seconds: float = SECONDS,
    repetitions: int = REPETITIONS,
    assets: Sequence[int] = ASSETS,
    output: Path | None = None,
    open_broker: OpenBroker = embedded_broker,
) -> Report:
    """Run all parts under a steady load and read the peak of each.

    Parameters
    ----------
    seconds
        After the first decision.
    repetitions
        Times that all parts are started anew.
    assets
        How many assets; each has 20 ticks a second.
    output
        Folder of the kept JSON; by default in the user's data folder.
    open_broker
        Where they meet.

    Raises
    ------
    RunError
        A part ended or did not start to decide.
    """
    machine = describe_machine(scheduling="normal")
    peaks: dict[tuple[int, str], list[list[float]]] = {}
    with open_broker() as broker, Console(stderr=True).status("starting") as line:
        for _ in range(repetitions):
            for n in assets:
                for name, value in _load(broker, n, seconds, line.update).items():
                    peaks.setdefault((n, name), []).append([value])
    report = Report(
        bench="memory",
        notes=NOTES["memory"],
        machine=with_end_load(machine | {"broker": broker.about, "under load": f"{seconds:g} s"}),
        versions=describe_versions(_PACKAGES),
        rows=tuple(_row(n, name, runs) for (n, name), runs in peaks.items()),
    )
    keep_report(report, output)
    return report


def _row(n_assets: int, name: str, runs: list[list[float]]) -> Row:
    if name in PARTS:
        return make_row(f"peak memory of {name}, {n_assets} assets", OURS, "MiB", runs)
    return make_row(f"{name}, {n_assets} assets", OURS, "a second", runs)


def _load(
    broker: Broker, n_assets: int, seconds: float, tell: Callable[[str], None]
) -> dict[str, float]:
    """Load the parts; gives the peak of each in MiB, and the decisions a second meanwhile."""
    topics, port = Topics(topic_prefix("memory")), free_port()
    with (
        tempfile.TemporaryDirectory(prefix="silverbullet-memory-") as name,
        own_topics(broker, topics.heard, topics.others),
    ):
        folder = Path(name)
        environment = soak_environment(broker, topics, folder, port, _KEPT_S)
        environment["SILVERBULLET_OPTIMIZE__N_DRAWS"] = str(_DRAWS)
        rate = RATE_AN_ASSET * n_assets
        with running_parts(environment, folder, rate, n_assets) as children:
            decisions = Decisions(broker, topics)
            try:
                tell(f"{n_assets} assets: starting")
                await_first(decisions, children)
                before, begun_s, asked_s = decisions.count, time.monotonic(), 0.0
                while (now_s := time.monotonic() - begun_s) < seconds:
                    check_parts(children)
                    tell(f"{n_assets} assets: {now_s:.0f} of {seconds:g} s")
                    if now_s >= asked_s:  # a page that is open is part of what `serve` holds
                        asked_s = now_s + _ASK_S
                        for page in PAGES:
                            ask(f"http://127.0.0.1:{port}{page}")
                    decisions.listen(_LISTEN_S, begun_s)
                found = {child.name: peak_mib(child.pid) for child in children}
                return found | {"decisions": (decisions.count - before) / seconds}
            finally:
                decisions.close()


def peak_mib(pid: int) -> float:
    """Give the most memory that a process had resident, with its children, in MiB.

    Where the system keeps no such mark (it is Linux's VmHWM), what it has now.

    Raises
    ------
    psutil.NoSuchProcess
        It has ended.
    """
    (peak,) = sum_family(pid, _peak_of_one)
    return peak


def _peak_of_one(process: psutil.Process) -> tuple[float]:
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return (process.memory_info().rss / MIB,)
    marks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return (int(marks[0]) / _KIB_A_MIB if marks else 0.0,)  # a zombie has none
