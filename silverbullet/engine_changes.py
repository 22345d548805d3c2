"""One set of engines after the other: the next comes up while the present one decides.

So a change of engines, dispatch or workers costs no decision, and what the old workers are at
is finished before they end.
"""

import threading
from collections import Counter
from collections.abc import Callable
from itertools import count

from optimize.engines.evaluator import Evaluator
from optimize.engines.views import Completed, Counts, EngineView
from optimize.job import DrawJob
from silverbullet.controls import EngineChoice

# Ray takes 3 to 15 s, Spark 8; a set that is not up after this long is used as it is, with
# `local` for what is missing.
_UP_LIMIT_NS = 60_000_000_000

Make = Callable[[EngineChoice, "count[int]"], Evaluator]


class EngineChanges:
    """The engines in use, with the next behind them while there is one.

    Parameters
    ----------
    make
        Makes the evaluator of a choice, given the source of job ids that all share.
    choice
        The first.
    clock
        Monotonic ns.
    """

    def __init__(self, make: Make, choice: EngineChoice, clock: Callable[[], int]) -> None:
        self._make = make
        self._clock = clock
        self._ids = count(1)
        self.choice = choice
        self._present = make(choice, self._ids)
        self._next: tuple[EngineChoice, Evaluator, int] | None = None
        self._old: list[Evaluator] = []
        self._closing: list[threading.Thread] = []
        self._past = Counts(0, 0, 0, 0, 0)
        self._past_blocks: Counter[str] = Counter()  # by engine, of the sets that are gone
        self._past_restarts: Counter[str] = Counter()

    def start(self) -> None:
        """Start the first set."""
        self._present.start()

    def change(self, choice: EngineChoice) -> None:
        """Begin to bring another set up; one that was coming up is dropped."""
        if self._next is not None:
            if self._next[0] == choice:
                return
            self._close(self._next[1])
            self._next = None
        if choice != self.choice:
            evaluator = self._make(choice, self._ids)
            evaluator.start()
            self._next = choice, evaluator, self._clock()

    def tend(self) -> EngineChoice | None:
        """Go over to the next set if it is up, let old ones go; give the choice gone over to."""
        for old in [old for old in self._old if old.n_open == 0]:
            self._old.remove(old)
            self._past = _sum(self._past, old.counts())
            _add(old.states(), self._past_blocks, self._past_restarts)
            self._close(old)
        self._closing = [thread for thread in self._closing if thread.is_alive()]
        if self._next is None:
            return None
        choice, evaluator, since_ns = self._next
        if not _is_up(evaluator.states()) and self._clock() - since_ns < _UP_LIMIT_NS:
            return None
        self._old.append(self._present)
        self._present, self.choice, self._next = evaluator, choice, None
        return choice

    @property
    def coming(self) -> bool:
        """Whether another set is coming up."""
        return self._next is not None

    def awaited(self) -> str:
        """Say what is coming up, in plain words; empty where nothing is."""
        if self._next is None:
            return ""
        choice, evaluator, _ = self._next
        left = [view for view in evaluator.states() if view.state == "starting"]
        why = "; ".join(f"{view.name} {view.reason}".strip() for view in left)
        return f"changing to {choice}: {why or 'coming up'}"

    def submit(self, job: DrawJob, deadline_s: float) -> int:
        """Begin a job on the present engines; see `Evaluator`."""
        return self._present.submit(job, deadline_s)

    def wait(self, timeout_s: float) -> Completed | None:
        """Take the next job that is over, also of engines that are going; see `Evaluator`."""
        for old in self._old:
            if (completed := old.wait(0.0)) is not None:
                return completed
        return self._present.wait(timeout_s)

    def states(self) -> tuple[EngineView, ...]:
        """Describe the present engines; blocks and restarts are of all sets since the start."""
        blocks, restarts = self._past_blocks.copy(), self._past_restarts.copy()
        present = self._present.states()
        for views in (*(old.states() for old in self._old), present):
            _add(views, blocks, restarts)
        return tuple([
            EngineView(
                **view._asdict()
                | {"blocks_done": blocks[view.name], "restarts": restarts[view.name]}
            )
            for view in present
        ])  # fmt: skip

    def counts(self) -> Counts:
        """Give what dispatch counted since the start, of all sets."""
        counts = _sum(self._past, self._present.counts())
        for old in self._old:
            counts = _sum(counts, old.counts())
        return counts

    def close(self) -> None:
        """End all engines and every process they started."""
        others = [] if self._next is None else [self._next[1]]
        self._next = None
        for evaluator in (*others, *self._old):
            self._close(evaluator)
        self._present.close()
        for thread in self._closing:
            thread.join()

    def _close(self, evaluator: Evaluator) -> None:
        # A host may take 6 s to end; decisions go on meanwhile.
        thread = threading.Thread(target=evaluator.close, name="engines-close", daemon=True)
        thread.start()
        self._closing.append(thread)


def _is_up(views: tuple[EngineView, ...]) -> bool:
    """Tell whether the first engine that has not failed is ready."""
    states = [view.state for view in views if view.state != "failed"]
    return not states or states[0] == "ready"


def _add(views: tuple[EngineView, ...], blocks: "Counter[str]", restarts: "Counter[str]") -> None:
    for view in views:
        blocks[view.name] += view.blocks_done
        restarts[view.name] += view.restarts


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(*[a + b for a, b in zip(one, other, strict=True)])
