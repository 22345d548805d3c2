"""One set of engines after the other: no job lost, none of the old ones left behind."""

from collections import deque
from collections.abc import Iterator
from itertools import count

import pytest

from optimize.engines.views import Completed, Counts, EngineView
from silverbullet.controls import EngineChoice
from silverbullet.engine_changes import EngineChanges
from tests.optimize.engines.rigs import draw_job, until

TWO = EngineChoice(("ray", "local"), "tasks", 2)
THREE = TWO._replace(workers=3)
SPARK = TWO._replace(order=("spark", "local"))
JOB = draw_job(3)


class Puppet:
    """An evaluator that does what the test says."""

    def __init__(self, choice: EngineChoice, ids: Iterator[int]) -> None:
        self.choice, self.ids = choice, ids
        self.started = self.closed = False
        self.open: deque[int] = deque()
        self.done: deque[int] = deque()
        self.phases = dict.fromkeys(choice.order, "starting") | {"local": "ready"}
        self.blocks = self.restarts = 0

    def start(self) -> None:
        self.started = True

    @property
    def n_open(self) -> int:
        return len(self.open) + len(self.done)

    def submit(self, job: object, deadline_s: float) -> int:
        assert not self.closed
        self.open.append(next(self.ids))
        return self.open[-1]

    def finish(self) -> None:
        self.done.append(self.open.popleft())

    def wait(self, timeout_s: float) -> Completed | None:
        assert not self.closed
        if not self.done:
            return None
        return Completed(self.done.popleft(), JOB, (), "ray", (), False, False, False, "")

    def states(self) -> tuple[EngineView, ...]:
        return tuple(
            EngineView(
                name,
                self.phases[name],
                "tasks",
                2,
                "is starting",
                0,  # type: ignore[arg-type]
                self.blocks,
                self.restarts,
            )
            for name in self.choice.order
        )

    def counts(self) -> Counts:
        return Counts(1, 0, 0, 0, 0)

    def close(self) -> None:
        self.closed = True


class Rig:
    def __init__(self) -> None:
        self.made: list[Puppet] = []
        self.now_ns = 0
        self.changes = EngineChanges(self._make, TWO, lambda: self.now_ns)
        self.changes.start()

    def _make(self, choice: EngineChoice, ids: "count[int]") -> Puppet:  # type: ignore[override]
        self.made.append(Puppet(choice, ids))
        return self.made[-1]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_the_present_engines_decide_until_the_next_are_up(rig: Rig) -> None:
    rig.changes.change(THREE)
    old, new = rig.made
    assert new.started
    assert rig.changes.tend() is None
    assert rig.changes.submit(JOB, 1.0) == 1
    assert list(old.open) == [1]
    assert rig.changes.awaited() == "changing to ray, local (tasks, 3 workers): ray is starting"
    new.phases["ray"] = "ready"
    assert rig.changes.tend() == THREE
    assert rig.changes.choice == THREE
    assert rig.changes.awaited() == ""
    assert rig.changes.submit(JOB, 1.0) == 2
    assert list(new.open) == [2]


def test_what_the_old_are_at_is_finished_before_they_end(rig: Rig) -> None:
    number = rig.changes.submit(JOB, 1.0)
    rig.changes.change(THREE)
    old, new = rig.made
    new.phases["ray"] = "ready"
    rig.changes.tend()
    rig.changes.tend()
    assert not old.closed
    old.finish()
    completed = rig.changes.wait(0.0)
    assert completed is not None
    assert completed.job_id == number
    rig.changes.tend()
    until(lambda: old.closed, "the old engines to end")
    assert rig.changes.wait(0.0) is None
    assert rig.changes.counts().switches == 2  # of both


def test_what_engines_have_done_and_how_often_they_came_is_counted_over_all_sets(rig: Rig) -> None:
    def counted() -> dict[str, tuple[int, int]]:
        return {v.name: (v.blocks_done, v.restarts) for v in rig.changes.states()}

    rig.changes.submit(JOB, 1.0)
    rig.made[0].blocks, rig.made[0].restarts = 40, 2
    rig.changes.change(SPARK)
    rig.made[1].phases["spark"] = "ready"
    rig.changes.tend()
    rig.made[1].blocks = 7
    assert counted() == {"spark": (7, 0), "local": (47, 2)}  # the old set is at a job yet
    rig.made[0].blocks = 41
    rig.made[0].finish()
    rig.changes.wait(0.0)
    rig.changes.tend()
    assert counted() == {"spark": (7, 0), "local": (48, 2)}
    rig.changes.change(TWO)
    rig.made[2].phases["ray"] = "ready"
    rig.changes.tend()
    rig.changes.tend()
    assert counted() == {"ray": (41, 2), "local": (48, 2)}


def test_a_later_change_drops_the_one_that_was_coming_up(rig: Rig) -> None:
    rig.changes.change(THREE)
    rig.changes.change(SPARK)
    until(lambda: rig.made[1].closed, "the dropped set to end")
    rig.made[2].phases["spark"] = "ready"
    assert rig.changes.tend() == SPARK


def test_asking_again_for_what_is_coming_up_does_not_begin_anew(rig: Rig) -> None:
    rig.changes.change(THREE)
    rig.changes.change(THREE)
    assert len(rig.made) == 2
    assert not rig.made[1].closed


def test_a_change_back_to_what_is_there_needs_nothing_new(rig: Rig) -> None:
    rig.changes.change(THREE)
    rig.changes.change(TWO)
    until(lambda: rig.made[1].closed, "the dropped set to end")
    assert len(rig.made) == 2
    assert rig.changes.tend() is None
    assert not rig.made[0].closed


def test_engines_that_failed_are_not_waited_for(rig: Rig) -> None:
    rig.changes.change(SPARK)
    rig.made[1].phases["spark"] = "failed"
    assert rig.changes.tend() == SPARK  # local decides


def test_a_set_that_does_not_come_up_is_used_after_a_minute(rig: Rig) -> None:
    rig.changes.change(SPARK)
    rig.now_ns = 59_000_000_000
    assert rig.changes.tend() is None
    rig.now_ns = 60_000_000_000
    assert rig.changes.tend() == SPARK


def test_close_ends_all_of_them(rig: Rig) -> None:
    rig.changes.submit(JOB, 1.0)
    rig.changes.change(THREE)
    rig.made[1].phases["ray"] = "ready"
    rig.changes.tend()
    rig.changes.change(SPARK)
    rig.changes.close()
    assert [puppet.closed for puppet in rig.made] == [True, True, True]
