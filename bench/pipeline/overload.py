"""``bench pipeline --overload``: ten times the ticks that can be decided one by one."""

import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.brokers import Broker, OpenBroker, embedded_broker, java_of, topic_prefix
from bench.machine import describe_machine, describe_versions, with_end_load
from bench.pipeline.attribution import Latencies, attribute
from bench.pipeline.benchmark import PACKAGES
from bench.pipeline.contenders import Contender, make_contenders
from bench.pipeline.listener import Topics
from bench.pipeline.overload_goals import AGE, MEDIAN_AGE, MEMORY, SINGLE_AGE
from bench.pipeline.session import Played, play
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.rows import OURS, Row, make_row
from bench.run_error import RunError
from bench.soak.samples import Series, look_at
from cluster.process import Child
from stats.compiled import FloatArray

MINUTES = 10.0
OVERLOAD = 10.0
_METHOD = "resample"
_PROBE_RATE, _PROBE_S = 200.0, 6.0
_SAMPLE_S = 2.0
QUARTERS = 4
_WARM_UP_S = 5.0


def run_bench(
    open_broker: OpenBroker = embedded_broker,
    minutes: float = MINUTES,
    output: Path | None = None,
) -> Report:
    """Overload the pipeline and see how old its decisions are, quarter by quarter.

    Parameters
    ----------
    open_broker
        Where ticks come from.
    minutes
        Length of the overload.
    output
        Folder of the kept JSON; by default in the user's data folder.

    Raises
    ------
    RunError
        It gave no figures.
    BrokerError
        The broker does not answer.
    """
    (ours,) = (one for one in make_contenders([_METHOD], libraries=False) if one.is_pipeline)
    with (
        open_broker() as broker,
        tempfile.TemporaryDirectory(prefix="silverbullet-bench-") as folder,
        Console(stderr=True).status("measuring how fast it can decide") as line,
    ):
        machine = describe_machine(scheduling="normal") | {f"broker {broker.name}": broker.about}
        solve_s = _probe(broker, ours, Path(folder))
        rate = OVERLOAD / solve_s
        line.update(
            f"{rate:.0f} ticks/s for {minutes:g} minutes; a solve takes {solve_s * 1e3:.1f} ms"
        )
        memory = _Memory()
        played = play(
            broker, ours, Topics(topic_prefix("overload")), Path(folder),
            seed=2, rate=rate, seconds=60.0 * minutes + _WARM_UP_S, watch=memory.look,
        )  # fmt: skip
    latencies = attribute(played.sent, played.arrivals, round(_WARM_UP_S * 1e9))
    if latencies.n_uncovered:
        raise RunError(f"{latencies.n_uncovered} ticks were never covered by a decision")
    report = Report(
        bench="overload",
        notes=NOTES["overload"],
        machine=with_end_load(
            machine | {"ticks a second": f"{rate:.0f}", "minutes": f"{minutes:g}"}
        ),
        versions=describe_versions(PACKAGES) | java_of([broker]),
        rows=tuple(make_rows(latencies, played, memory.rss)),
    )
    keep_report(report, output)
    return report


def _probe(broker: Broker, ours: Contender, folder: Path) -> float:
    """Measure the seconds that a solve takes, back to back."""
    played = play(
        broker, ours, Topics(topic_prefix("probe")), folder,
        seed=1, rate=_PROBE_RATE, seconds=_PROBE_S,
    )  # fmt: skip
    solves = attribute(played.sent, played.arrivals, round(1e9)).stages["solve"]
    return float(np.median(solves)) / 1e6


class _Memory:
    """Notes the memory of a process every two seconds."""

    def __init__(self) -> None:
        self.rss = Series()
        self._due_s = 0.0

    def look(self, child: Child) -> None:
        """Note it if it is time."""
        now_s = time.monotonic()
        if now_s >= self._due_s:
            self._due_s = now_s + _SAMPLE_S
            self.rss.add(now_s, look_at(child.pid)[0])


def make_rows(latencies: Latencies, played: Played, rss: Series) -> list[Row]:
    """Give the age of decisions and the memory by quarters, beside the time of a solve."""
    stages = {
        AGE: latencies.stages["made"],
        "age of a decision when it arrives": latencies.stages["total"],
        "solve": latencies.stages["solve"],
    }
    rows = [
        make_row(name, OURS, "ms", [quarter / 1e3 for quarter in _quarters(times)])
        for name, times in stages.items()
    ]
    # Each age over its quarter's median solve: a run's median is that of the quarter.
    ages = [
        age / np.median(solve)
        for age, solve in zip(_quarters(stages[AGE]), _quarters(stages["solve"]), strict=True)
    ]
    rows.append(make_row(MEDIAN_AGE, OURS, "solves", [[np.median(age)] for age in ages]))
    rows.append(make_row(SINGLE_AGE, OURS, "solves", ages, with_histogram=True))
    rows.append(make_row(MEMORY, OURS, "MiB", _quarters(np.array(rss.values))))
    decided = len(played.message_bytes) / played.seconds
    rows.append(make_row("decisions", OURS, "a second", [[decided]]))
    return rows


def _quarters(values: FloatArray) -> list[FloatArray]:
    return np.array_split(values, QUARTERS)
