"""``bench pipeline --saturation``: the ticks a second up to which decisions keep pace."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from rich.console import Console

from bench.brokers import Broker, OpenBroker, embedded_broker, java_of, topic_prefix
from bench.machine import describe_machine, describe_versions, with_end_load
from bench.pipeline.attribution import attribute
from bench.pipeline.benchmark import PACKAGES, warm_up
from bench.pipeline.contenders import Contender, make_contenders
from bench.pipeline.listener import Topics
from bench.pipeline.saturation_ramp import Ramp, Saturation, Step, judge_step, settle
from bench.pipeline.session import LostError, play
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.rows import Row, make_row
from bench.run_error import RunError
from stats.compiled import FloatArray

SECONDS: Final = 5.0
REPETITIONS: Final = 3
_WARM_UP_S: Final = 1.0
_METHOD: Final = "exact"


class Form(NamedTuple):
    """How ticks are sent, and the rates between which a ramp stays."""

    name: str
    per_message: int
    first: float
    least: float
    most: float


FORMS: Final = (
    Form("JSON", 1, 40_000.0, 1_000.0, 1_000_000.0),
    # Ten million ticks of a step take 400 MB of the generator, and 2 s to make.
    Form("packed", 1_000, 400_000.0, 10_000.0, 3_200_000.0),
)
_Key = tuple[str, str]


def run_bench(
    open_broker: OpenBroker = embedded_broker,
    seconds: float = SECONDS,
    repetitions: int = REPETITIONS,
    output: Path | None = None,
    *,
    forms: Sequence[Form] = FORMS,
) -> Report:
    """Raise the rate until decisions fall behind, of ours and of the relay in turn.

    Parameters
    ----------
    open_broker
        Where ticks come from.
    seconds
        Of each rate that count; one more comes before.
    repetitions
        Ramps of each contender.
    output
        Folder of the kept JSON; by default in the user's data folder.
    forms
        How ticks are sent.

    Raises
    ------
    RunError
        A contender ended, or kept pace with no rate at all.
    BrokerError
        The broker does not answer.
    """
    contenders = make_contenders([_METHOD], libraries=False)
    found: dict[_Key, list[tuple[Saturation, FloatArray]]] = {}
    # At normal priority: at that of real time, where all take what there is, Kafka's collector and
    # compiler, which have none, got nothing, and ages of 2 ms became 17 s at 47 000 ticks/s.
    with (
        open_broker() as broker,
        tempfile.TemporaryDirectory(prefix="silverbullet-bench-") as name,
        Console(stderr=True).status("starting") as line,
    ):
        machine = describe_machine(scheduling="normal") | {f"broker {broker.name}": broker.about}
        warm_up(broker, Path(name))
        for repetition in range(repetitions):
            for form in forms:
                for contender in contenders:
                    line.update(f"{form.name}, {contender.subject}, ramp {repetition + 1}")
                    ramp = _Steps(broker, contender, form, Path(name), repetition + 1, seconds)
                    found.setdefault((form.name, contender.subject), []).append(ramp.climb())
            contenders = [*contenders[1:], contenders[0]]
    report = Report(
        bench="saturation",
        notes=NOTES["saturation"],
        machine=with_end_load(machine)
        | {"steps": f"{seconds:g} s each"}
        | {f"limit of {', '.join(key)}": _say_limits(ramps) for key, ramps in found.items()},
        versions=describe_versions(PACKAGES) | java_of([broker]),
        rows=tuple(make_rows(broker.name, found)),
    )
    keep_report(report, output)
    return report


class _Steps:
    """The rates of one ramp, each played to a contender that has just started."""

    def __init__(
        self, broker: Broker, contender: Contender, form: Form, folder: Path, seed: int,
        seconds: float,
    ) -> None:  # fmt: skip
        self._broker, self._contender, self._form = broker, contender, form
        self._folder, self._seed, self._seconds = folder, seed, seconds
        self._ages: FloatArray = np.empty(0)  # of the last that was played

    def climb(self) -> tuple[Saturation, FloatArray]:
        """Go up until it is over; gives where, and the ages at the rate that was kept, us."""
        form = self._form
        ramp, ages = Ramp(form.first, form.least, form.most), None
        while (rate := ramp.next_rate()) is not None:
            outcome = settle(self._play(rate), partial(self._play, rate))
            ramp.take(rate, outcome)
            if outcome == "kept pace" and ramp.found().rate == rate:
                ages = self._ages
        if ages is None:
            raise RunError(f"{self._contender.subject} kept pace with no rate of {form.name} ticks")
        return ramp.found(), ages

    def _play(self, rate: float) -> Step:
        topics = Topics(topic_prefix(f"saturation-{self._form.name}-{rate:.0f}"))
        try:
            played = play(
                self._broker, self._contender, topics, self._folder,
                seed=self._seed, rate=rate, seconds=self._seconds + _WARM_UP_S,
                per_message=self._form.per_message,
            )  # fmt: skip
        except LostError:  # gone from the broker before they could be read
            return "fell behind"
        sent, warm_up_ns = played.sent, round(_WARM_UP_S * 1e9)
        found = attribute(sent, played.arrivals, warm_up_ns)
        # Of all that count: those that no decision covers have no stage.
        counted = sent.due_ns >= sent.due_ns[0] + warm_up_ns
        lags = (sent.sent_ns - sent.due_ns)[counted] / 1e3
        self._ages = found.stages["total"]
        return judge_step(self._ages, lags, found.n_uncovered, self._seconds, _WARM_UP_S)


def _say_limits(ramps: Sequence[tuple[Saturation, FloatArray]]) -> str:
    counts = Counter(one.ended_by for one, _ in ramps)
    return " and ".join(f"{what} {count} of {len(ramps)}" for what, count in counts.items())


def make_rows(broker: str, found: dict[_Key, list[tuple[Saturation, FloatArray]]]) -> list[Row]:
    """Give for each form of ticks the highest rates kept, and the ages of decisions at them.

    Parameters
    ----------
    found
        Form and subject to where each ramp ended, and the ages there in microseconds.
    """
    forms = dict.fromkeys(form for form, _ in found)
    rows = []
    for form in forms:
        case = f"{broker}, {_METHOD}, {form} ticks up to which decisions keep pace"
        mine = [(subject, ramps) for (name, subject), ramps in found.items() if name == form]
        mine.sort(key=lambda one: one[0] == "relay")
        rows += [
            make_row(case, subject, "ticks a second", [[one.rate] for one, _ in ramps])
            for subject, ramps in mine
        ]
        rows += [
            make_row(f"{case}, age there", subject, "ms", [ages / 1e3 for _, ages in ramps])
            for subject, ramps in mine
        ]
    return rows
