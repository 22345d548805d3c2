"""``bench pipeline --overload``: ten times the ticks that can be decided one by one, or more."""

import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.brokers import Broker, OpenBroker, embedded_broker, java_of, topic_prefix
from bench.machine import describe_machine, describe_versions, with_end_load
from bench.pipeline.attribution import Arrivals, Latencies, attribute
from bench.pipeline.benchmark import PACKAGES, warm_up
from bench.pipeline.contenders import Contender, make_contenders
from bench.pipeline.listener import Topics
from bench.pipeline.overload_goals import AGE, FACTOR, MEDIAN_AGE, MEMORY, SINGLE_AGE
from bench.pipeline.session import Played, play
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.rows import OURS, Row, make_row
from bench.run_error import RunError
from bench.soak.samples import Series, look_at
from cluster.process import Child
from stats.compiled import FloatArray

MINUTES = 10.0
# Ten are asked for. What a probe of seconds decides has been up to a fifth less than what ten
# minutes do: ten times that was 8.0 times. Of two probes the quicker counts: beside other work one
# made 40 decisions a second, where ten minutes then made 67.
OVERLOAD = 13.0
_PROBE_SEEDS = (1, 2)
_METHOD = "resample"
_PROBE_RATE, _PROBE_S, _PROBE_WARM_UP_S = 500.0, 12.0, 4.0
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
        warm_up(broker, Path(folder))
        pace = max(_probe(broker, ours, Path(folder), seed) for seed in _PROBE_SEEDS)
        rate = OVERLOAD * pace
        line.update(f"{rate:.0f} ticks/s for {minutes:g} minutes; it decides {pace:.0f} times/s")
        memory = _Memory()
        played = play(
            broker, ours, Topics(topic_prefix("overload")), Path(folder),
            seed=3, rate=rate, seconds=60.0 * minutes + _WARM_UP_S, watch=memory.look,
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
        rows=tuple(make_rows(latencies, played, memory.rss, rate)),
    )
    keep_report(report, output)
    return report


def _probe(broker: Broker, ours: Contender, folder: Path, seed: int) -> float:
    """Measure the decisions a second that are made back to back."""
    played = play(
        broker, ours, Topics(topic_prefix("probe")), folder,
        seed=seed, rate=_PROBE_RATE, seconds=_PROBE_S,
    )  # fmt: skip
    return find_pace(played.arrivals, _PROBE_WARM_UP_S)


def find_pace(arrivals: Arrivals, warm_up_s: float) -> float:
    """Give the decisions a second that arrived once so much time had passed since the first.

    Raises
    ------
    RunError
        There were fewer than two.
    """
    arrived_ns = arrivals.stamps_ns["arrived"]
    counted = arrived_ns[arrived_ns >= arrived_ns[:1] + round(warm_up_s * 1e9)]
    if len(counted) < 2:
        raise RunError(f"{len(counted)} decisions after {warm_up_s:g} s of a probe: too few")
    return float((len(counted) - 1) / (counted[-1] - counted[0]) * 1e9)


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


def make_rows(latencies: Latencies, played: Played, rss: Series, rate: float) -> list[Row]:
    """Give the age of decisions and the memory by quarters, beside the time of a solve.

    Parameters
    ----------
    rate
        Ticks a second that were due.
    """
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
    rows.append(make_row(FACTOR, OURS, "ticks", [[rate / decided]]))
    return rows


def _quarters(values: FloatArray) -> list[FloatArray]:
    return np.array_split(values, QUARTERS)
