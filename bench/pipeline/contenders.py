"""Who is measured from tick to decision: ours, the relay, and libraries in the same loop."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.brokers import Broker
from bench.case_names import EMBEDDED
from bench.machine import THREADS
from bench.peer_environment import QUIX_LOOP
from bench.peers import is_installed
from bench.pipeline.library_loop import LIBRARIES
from bench.pipeline.listener import Topics
from bench.pipeline.workload import SAMPLE_INTERVAL_NS, WINDOW_ROWS, WINDOW_TICKS
from bench.rows import OURS
from cluster.process import Child, spawn

RELAY = "relay"
QUIX_PYPFOPT = "quixstreams and PyPortfolioOpt"
# It solves for each tick, 7 ms: at 1000 a second the last would be decided minutes later.
_QUIX_MOST_RATE = 100.0
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Contender:
    """Someone who is played a tape.

    Attributes
    ----------
    subject
        As the report calls it.
    method
        How it decides, `exact` or `resample`, and on which engine where that is not `LOCAL`; empty
        where that is no question.
    start
        Starts its process, which writes to a log.
    engine
        What must be ready before it is measured; `LOCAL` always is.
    most_rate
        Ticks a second up to which it is measured: beyond, it would only fall ever further back.
    joins_group
        It reads as a member of a consumer group.
    """

    subject: str
    method: str
    start: Callable[[Broker, Topics, Path], Child]
    engine: str = LOCAL
    most_rate: float = math.inf
    joins_group: bool = False

    def takes_part(self, broker: Broker, rate: float) -> bool:
        """Tell whether it can be measured there; librdkafka's mock has no groups to join."""
        return rate <= self.most_rate and not (self.joins_group and broker.name == EMBEDDED)

    @property
    def is_pipeline(self) -> bool:
        """Whether it sends decisions and status, not a peer's messages."""
        return self.subject == OURS

    @property
    def label(self) -> str:
        """Names it in a topic or a line."""
        return "-".join(part for part in (self.subject, self.method) if part).replace(" ", "-")


def topic_environment(broker: Broker, topics: Topics) -> dict[str, str]:
    """Set where a part finds the broker and the topics of a run."""
    settings = {
        "KAFKA__BOOTSTRAP": broker.address,
        "KAFKA__TICKS_TOPIC": topics.ticks,
        "KAFKA__REJECTED_TOPIC": topics.rejected,
        "KAFKA__DECISIONS_TOPIC": topics.decisions,
        "KAFKA__STATUS_TOPIC": topics.status,
        "KAFKA__CONTROL_TOPIC": topics.control,
        "KAFKA__STATE_TOPIC": topics.state,
        "KAFKA__FETCH_WAIT_MAX_MS": broker.fetch_wait_max_ms,
    }
    return {f"SILVERBULLET_{name}": str(value) for name, value in settings.items()} | THREADS


def pipeline_environment(
    broker: Broker, topics: Topics, method: str, engine: str = LOCAL
) -> dict[str, str]:
    """Set what is measured, its windows and its topics; all else stays as it is by default."""
    settings = {
        "WINDOW__SAMPLE_INTERVAL_S": SAMPLE_INTERVAL_NS / 1e9,
        "WINDOW__ROWS": WINDOW_ROWS,
        "WINDOW__TICKS": WINDOW_TICKS,
        "OPTIMIZE__METHOD": method,
        "DECIDE__TRIGGER": "tick",
        "DECIDE__MIN_INTERVAL_S": 0.0,
        "ENGINE__ORDER": engine,
    }
    ours = {f"SILVERBULLET_{name}": str(value) for name, value in settings.items()}
    return topic_environment(broker, topics) | ours


def _start_pipeline(
    method: str, engine: str, broker: Broker, topics: Topics, log_path: Path
) -> Child:
    return spawn(
        [sys.executable, "-m", "silverbullet.cli", "run"],
        name="silverbullet run",
        env=pipeline_environment(broker, topics, method, engine),
        log_path=log_path,
    )


def _start_peer(
    module: str, more: Sequence[str], broker: Broker, topics: Topics, log_path: Path
) -> Child:
    arguments = [broker.address, topics.ticks, topics.decisions, str(broker.fetch_wait_max_ms)]
    return spawn(
        [sys.executable, "-m", module, *arguments, *more],
        name=more[0] if more else RELAY,
        env=THREADS,
        log_path=log_path,
    )


def _start_quix(python: Path, broker: Broker, topics: Topics, log_path: Path) -> Child:
    return spawn(
        [str(python), str(QUIX_LOOP), broker.address, topics.ticks, topics.decisions],
        name=QUIX_PYPFOPT,
        env=THREADS,
        log_path=log_path,
    )


def make_contenders(
    methods: Sequence[str],
    *,
    libraries: bool,
    engines: Sequence[str] = (LOCAL,),
    quix_python: Path | None = None,
) -> list[Contender]:
    """Give ours with each method, the relay and, if asked for, the libraries that are there.

    ``quix_python`` is the interpreter of quixstreams' environment, where it is to be measured.

    Libraries solve what the method ``exact`` does; without it they are left out. No engine
    evaluates that method: it is given once, whatever the engines.
    """
    found = [_ours(method, LOCAL) for method in methods if method == "exact"]
    found += [
        _ours(method, engine) for engine in engines for method in methods if method != "exact"
    ]
    found.append(Contender(RELAY, "", partial(_start_peer, "bench.pipeline.relay", ())))
    for name, library in LIBRARIES.items():
        if libraries and "exact" in methods and is_installed(library.module):
            start = partial(_start_peer, "bench.pipeline.library_loop", (name,))
            found.append(Contender(name, "exact", start))
    if quix_python is not None and "exact" in methods:
        start = partial(_start_quix, quix_python)
        found.append(
            Contender(QUIX_PYPFOPT, "exact", start, LOCAL, _QUIX_MOST_RATE, joins_group=True)
        )
    return found


def _ours(method: str, engine: str) -> Contender:
    told = method if engine == LOCAL else f"{method} on {engine}"
    return Contender(OURS, told, partial(_start_pipeline, method, engine), engine)
