"""kill -9 of each process of a demo in turn, and of the demo itself."""

import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.integration.commands import until
from tests.integration.demos import PARTS, DemoUnderWay, alive

SETTINGS = {"engine__order": "local", "optimize__method": "exact"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoUnderWay]:
    with DemoUnderWay(tmp_path_factory.mktemp("kills"), **SETTINGS) as made:
        made.await_address()
        yield made


@pytest.mark.parametrize("victim", ["run", "record", "serve", "simulate"])
def test_the_rest_goes_on_and_what_was_killed_comes_back(victim: str, demo: DemoUnderWay) -> None:
    demo.until(lambda: set(demo.parts()) == set(PARTS), "all parts to run")
    before = demo.parts()
    published = demo.published_ids()[-1]
    before[victim].send_signal(signal.SIGKILL)

    def is_back() -> bool:
        found = demo.parts().get(victim)
        return found is not None and found.pid != before[victim].pid

    demo.until(is_back, f"{victim} to come back")
    after = demo.parts()
    assert {n: p.pid for n, p in after.items() if n != victim} == {
        n: p.pid for n, p in before.items() if n != victim
    }
    assert f"{victim} (pid {before[victim].pid}) ended: killed by SIGKILL" in demo.output()
    # Decisions go on, and those made from now on are shown.
    demo.until(lambda: demo.published_ids()[-1] > published, "decisions to go on")
    demo.await_news(demo.published_ids()[-1])


def test_no_decision_is_missing_or_twice_after_the_kills(demo: DemoUnderWay) -> None:
    """The recorder is halted, and killed when decisions have been made without it."""
    recorder = demo.parts()["record"]
    recorder.send_signal(signal.SIGSTOP)
    n_before = len(demo.published_ids())
    demo.until(lambda: len(demo.published_ids()) >= n_before + 3, "decisions without it")
    published = demo.published_ids()
    assert not set(published) <= set(demo.stored_ids())
    recorder.send_signal(signal.SIGKILL)
    assert len(published) > 8
    assert len(set(published)) == len(published)
    assert published == sorted(published)
    demo.until(lambda: set(published) <= set(demo.stored_ids()), "the store to have them all")
    stored = demo.stored_ids()
    assert stored[: len(published)] == published
    assert len(set(stored)) == len(stored)


def test_no_row_is_decided_twice_and_no_tick_lost(demo: DemoUnderWay) -> None:
    rows = [id_.split(":")[1] for id_ in demo.published_ids()]
    assert len(set(rows)) == len(rows)
    assert demo.answer("status")["status"]["lost_offsets"] == 0
    assert demo.answer("status")["status"]["notices"] == []


def test_nothing_is_left_10_s_after_kill_9_of_the_demo(demo: DemoUnderWay) -> None:
    """The last test with this demo: it ends it."""
    family = demo.family()
    assert len(family) >= len(PARTS)
    psutil.Process(demo.pid).kill()
    begun_s = time.monotonic()
    demo.process.wait(10)
    names = {process.pid: process.cmdline() for process in alive(family)}
    until(lambda: not alive(family), f"all parts to end: {names}", 10.0)
    print(f"nothing was left {time.monotonic() - begun_s:.1f} s after kill -9 of the demo")
