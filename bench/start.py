"""``bench start``: from ``silverbullet run`` to its first decision, and where that time goes."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from rich.console import Console

from bench.brokers import Broker, embedded_broker, own_topics, topic_prefix
from bench.case_names import FROM_CACHE, stage_case
from bench.machine import describe_machine, describe_versions, with_end_load
from bench.pipeline.contenders import pipeline_environment
from bench.pipeline.listener import Listener, Topics
from bench.pipeline.workload import make_history
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.rows import OURS, Row, make_row
from bench.run_error import RunError
from bench.stages import START_STAGES
from cluster.process import Child, spawn
from ingest.producer import TopicProducer

REPETITIONS = 7
COLD = 2
_PACKAGES = ("numpy", "numba", "scipy", "pydantic", "confluent-kafka")
_LIMIT_S = 300.0  # all kernels compiled while neighbours take the processor
_LISTEN_S = 0.05
_GRACE_S = 10.0
_METHOD = "resample"  # as by default
EMPTY = "start, compile cache empty"
NO_BYTECODE = f"{FROM_CACHE}, no bytecode kept"
_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) INFO (kernels compiled|kernels ready|reading)(.*)"
)
_SECONDS = re.compile(r"[\d.]+")


def run_bench(
    repetitions: int = REPETITIONS, cold: int = COLD, output: Path | None = None
) -> Report:
    """Start a run again and again on topics that hold a full history.

    Parameters
    ----------
    repetitions
        Starts from the compile cache, with Python's bytecode kept and without, in turn.
    cold
        Starts with an empty compile cache; 0: the others use the user's own.
    output
        Folder of the kept JSON; by default in the user's data folder.

    Raises
    ------
    RunError
        A run ended, or decided nothing.
    """
    machine = describe_machine(scheduling="normal")
    with (
        embedded_broker() as broker,
        tempfile.TemporaryDirectory(prefix="silverbullet-start-") as name,
        Console(stderr=True).status("starting") as line,
    ):
        starts = _start_often(broker, Path(name), repetitions, cold, line.update)
    rows = [row for case, found in starts.items() if found for row in make_rows(case, found)]
    report = Report(
        bench="start",
        notes=NOTES["start"],
        machine=with_end_load(machine | {"broker": broker.about}),
        versions=describe_versions(_PACKAGES),
        rows=tuple(rows),
    )
    keep_report(report, output)
    return report


def _start_often(
    broker: Broker, folder: Path, repetitions: int, cold: int, tell: Callable[[str], None]
) -> dict[str, list[list[float]]]:
    starts: dict[str, list[list[float]]] = {EMPTY: [], FROM_CACHE: [], NO_BYTECODE: []}
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    # A folder that nobody writes to: bytecode is neither found nor kept.
    none = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(folder / "none")}
    _write_bytecode(kept)
    for number in range(cold):
        tell(f"compile cache empty, {number + 1} of {cold}")
        cache = {"SILVERBULLET_CACHE": str(folder / f"cache-{number}")}
        starts[EMPTY].append(_start(broker, folder, kept | cache))
    cache = {"SILVERBULLET_CACHE": str(folder / "cache-0")} if cold else {}
    if not cold:
        _start(broker, folder, kept | cache)  # fills the user's own where it is not
    for number in range(repetitions):
        tell(f"from the compile cache, {number + 1} of {repetitions}")
        starts[FROM_CACHE].append(_start(broker, folder, kept | cache))
        starts[NO_BYTECODE].append(_start(broker, folder, none | cache))
    return starts


def make_rows(case: str, starts: Sequence[Sequence[float]]) -> list[Row]:
    """Give a row of the whole and one of each stage.

    Parameters
    ----------
    starts
        Of each start the seconds of the stages, in order.
    """
    rows = [make_row(case, OURS, "s", [[sum(stages)] for stages in starts])]
    for place, name in enumerate(START_STAGES):
        rows.append(make_row(stage_case(case, name), OURS, "s", [[one[place]] for one in starts]))
    return rows


def _write_bytecode(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import silverbullet.cli, silverbullet.parts"],
        env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=_LIMIT_S, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RunError(f"the parts of run cannot be imported: {done.stderr.decode()[-200:]}")


def _start(broker: Broker, folder: Path, environment: dict[str, str]) -> list[float]:
    """Start a run on a topic that is there; gives the seconds of each stage."""
    topics = Topics(topic_prefix("start"))
    log_path = folder / f"{topics.prefix}.log"
    with own_topics(broker, topics.heard, topics.others):
        with TopicProducer(broker.address) as producer:
            for message in make_history(1, time.time_ns()):
                producer.send(topics.ticks, message)
        listener = Listener(broker, topics, has_status=True)
        try:
            begun_ns = time.time_ns()
            child = spawn(
                [sys.executable, "-m", "silverbullet.cli", "run"],
                name="silverbullet run",
                env=pipeline_environment(broker, topics, _METHOD) | environment,
                log_path=log_path,
            )
            try:
                _await_decision(listener, child)
            finally:
                child.terminate(_GRACE_S)
            arrivals, _ = listener.arrivals()
        finally:
            listener.close()
    seen = [int(arrivals.stamps_ns[name][0]) for name in ("received", "published", "arrived")]
    return find_stages(begun_ns, log_path.read_text(), *seen)


def _await_decision(listener: Listener, child: Child) -> None:
    deadline_s = time.monotonic() + _LIMIT_S
    while listener.covered < 0:
        if child.poll() is not None:
            raise RunError(child.describe_exit())
        if time.monotonic() > deadline_s:
            raise RunError(f"no decision after {_LIMIT_S:.0f} s")
        listener.listen(_LISTEN_S)


def find_stages(
    begun_ns: int, log_text: str, received_ns: int, published_ns: int, arrived_ns: int
) -> list[float]:
    """Give the seconds of each of `START_STAGES`, which add up to the whole.

    Parameters
    ----------
    begun_ns, received_ns, published_ns, arrived_ns
        When the process was started, and when the first decision's newest tick was received, the
        decision sent and seen here; UTC.
    log_text
        What it wrote, with the lines of kernels and of reading.

    Raises
    ------
    RunError
        The log has not both lines.
    """
    when, said = {}, {}
    for stamp, what, rest in _LINE.findall(log_text):
        when[what] = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S,%f").timestamp()
        said[what] = rest
    kernels = _SECONDS.search(said.get("kernels ready", ""))
    if kernels is None or "reading" not in when:
        raise RunError("the log of run does not say when kernels were ready and reading began")
    compiled = _SECONDS.search(said.get("kernels compiled", ""))  # where the cache lacked some
    kernels_s = float(kernels[0]) + (float(compiled[0]) if compiled else 0.0)
    loaded_s = when["kernels ready"] - kernels_s - begun_ns / 1e9
    ends_s = [
        loaded_s, loaded_s + kernels_s, when["reading"] - begun_ns / 1e9,
        *((one - begun_ns) / 1e9 for one in (received_ns, published_ns, arrived_ns)),
    ]  # fmt: skip
    return [ends_s[0], *(after - before for before, after in pairwise(ends_s))]
