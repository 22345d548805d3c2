"""``bench soak``: the real parts for a long time, and what grows meanwhile."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from bench.brokers import Broker, OpenBroker, java_of, own_topics, topic_prefix
from bench.machine import describe_machine, describe_versions, with_end_load
from bench.pipeline.listener import Topics
from bench.rows import OURS
from bench.run_error import RunError
from bench.soak.parts import free_port, running_parts, soak_environment
from bench.soak.report import NOTES, SoakReport, keep_soak
from bench.soak.samples import PAGES, Decisions, Series, ask, look_at
from bench.soak.trends import LEAST_GROWTH_MIB, Trend, find_trend
from cluster.process import Child

MINUTES = 30.0
RATE = 1000.0
_PACKAGES = ("numpy", "numba", "confluent-kafka", "scipy")
_START_LIMIT_S = 180.0  # a change of a kernel's source compiles for up to a minute first
_MOST_WARM_UP_S = 300.0
_MOST_INTERVAL_S = 5.0
_SAMPLES = 240
_LISTEN_S = 0.2
# What counts in the whole time: one descriptor or thread, a fifth of a millisecond of a decision
# that takes some ten.
_LEAST = {
    "RSS": LEAST_GROWTH_MIB, "descriptors": 1.0, "threads": 1.0, "decision": 0.2, "answer": 0.5
}  # fmt: skip
_UNITS = {"RSS": "MiB", "descriptors": "open", "threads": "running"}


@dataclass(slots=True)
class _Seen:
    """All samples: of each process and measure, and of the page."""

    parts: dict[tuple[str, str], Series] = field(default_factory=dict)
    answers_ms: Series = field(default_factory=Series)
    refused: int = 0


def run_bench(
    open_broker: OpenBroker,
    minutes: float = MINUTES,
    rate: float = RATE,
    output: Path | None = None,
) -> SoakReport:
    """Run all parts under a steady load and fit a line to each measure.

    Parameters
    ----------
    open_broker
        Where they meet.
    minutes
        After the first decision; the first quarter, at most 5 minutes, does not count.
    rate
        Ticks a second.
    output
        Folder of the kept JSON; by default in the user's data folder.

    Raises
    ------
    RunError
        A part ended or did not start to decide, or the time is too short for a trend.
    BrokerError
        The broker does not answer.
    """
    with (
        open_broker() as broker,
        tempfile.TemporaryDirectory(prefix="silverbullet-soak-") as name,
        Console(stderr=True).status("starting") as line,
    ):
        machine = describe_machine(scheduling="normal") | {f"broker {broker.name}": broker.about}
        topics, folder = Topics(topic_prefix("soak")), Path(name)
        warm_up_s = min(_MOST_WARM_UP_S, 15.0 * minutes)
        port = free_port()
        # Deleting begins in the warm-up: from then on the store keeps its size.
        environment = soak_environment(broker, topics, folder, port, warm_up_s / 2)
        with (
            own_topics(broker, topics.heard, topics.others),
            running_parts(environment, folder, rate) as children,
        ):
            decisions = Decisions(broker, topics)
            try:
                await_first(decisions, children)
                watch = _Watch(broker, children, f"http://127.0.0.1:{port}", decisions)
                watch.run(minutes * 60.0, line.update)
            finally:
                decisions.close()
    report = SoakReport(
        notes=NOTES,
        machine=with_end_load(machine),
        versions=describe_versions(_PACKAGES) | java_of([broker]),
        minutes=minutes,
        warm_up_s=warm_up_s,
        ticks_a_second=rate,
        decisions=len(decisions.latency_ms.since(0.0)[0]),
        refused_answers=watch.seen.refused,
        trends=tuple(make_trends(watch.seen.parts, watch.seen.answers_ms, decisions, warm_up_s)),
    )
    keep_soak(report, output)
    return report


def await_first(decisions: Decisions, children: Sequence[Child]) -> None:
    """Listen until the first decision.

    Raises
    ------
    RunError
        A part ended, or there was none in three minutes.
    """
    begun_s = time.monotonic()
    while not decisions.count:
        check_parts(children)
        if time.monotonic() - begun_s > _START_LIMIT_S:
            raise RunError(f"no decision after {_START_LIMIT_S:.0f} s")
        decisions.listen(_LISTEN_S, begun_s)


def check_parts(children: Sequence[Child]) -> None:
    """See that all parts run.

    Raises
    ------
    RunError
        One ended.
    """
    for child in children:
        if child.poll() is not None:
            raise RunError(child.describe_exit())


class _Watch:
    """Looks at all processes now and then, asks the page, and hears decisions in between."""

    def __init__(
        self, broker: Broker, children: Sequence[Child], address: str, decisions: Decisions
    ) -> None:
        self._children = children
        self._pids = {child.name: child.pid for child in children}
        if broker.pid is not None:
            self._pids[broker.name] = broker.pid
        self._address = address
        self._decisions = decisions
        self.seen = _Seen()

    def run(self, length_s: float, tell: Callable[[str], None]) -> None:
        """Go on for a time; ``tell`` takes a line on how far it is."""
        self._decisions.latency_ms = Series()
        begun_s = time.monotonic()
        interval_s = min(_MOST_INTERVAL_S, length_s / _SAMPLES)
        due_s = 0.0
        while (now_s := time.monotonic() - begun_s) < length_s:
            if now_s >= due_s:
                due_s += interval_s
                check_parts(self._children)
                self._look(now_s)
                tell(f"{now_s / 60:.1f} of {length_s / 60:.1f} minutes")
            self._decisions.listen(_LISTEN_S, begun_s)

    def _look(self, second: float) -> None:
        for name, pid in self._pids.items():
            for measure, value in zip(_UNITS, look_at(pid), strict=True):
                self.seen.parts.setdefault((name, measure), Series()).add(second, value)
        for page in PAGES:
            took_ms = ask(self._address + page)
            if took_ms is None:
                self.seen.refused += 1
            else:
                self.seen.answers_ms.add(second, took_ms)


def make_trends(
    parts: dict[tuple[str, str], Series], answers_ms: Series, decisions: Decisions, since_s: float
) -> list[Trend]:
    """Fit each series, the warm-up left out.

    Raises
    ------
    RunError
        One is too short.
    """
    series = [(process, measure, _UNITS[measure], one) for (process, measure), one in parts.items()]
    series.append((OURS, "decision", "ms", decisions.latency_ms))
    series.append(("serve", "answer", "ms", answers_ms))
    try:
        return [
            find_trend(process, measure, unit, *one.since(since_s), least_change=_LEAST[measure])
            for process, measure, unit, one in series
        ]
    except ValueError as error:
        raise RunError(str(error)) from None
