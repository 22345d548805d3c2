"""How fast workers are, by what came from them; those that are gone are forgotten."""

import pytest

from optimize.engines.rates import WorkerRates


def test_a_rate_is_of_the_newest_blocks_while_they_were_evaluated() -> None:
    rates = WorkerRates()
    for _ in range(100):
        rates.note("slow", 32, 32_000_000, 2)  # 1000 draws a second
    for _ in range(64):
        rates.note("slow", 32, 16_000_000, 2)  # from now on 2000
    rates.note("fast", 8, 1_000_000, 2)
    fast, slow = rates.views()
    assert (fast.name, fast.blocks_done, fast.draws_per_s) == ("fast", 1, pytest.approx(8_000))
    assert (slow.name, slow.blocks_done, slow.draws_per_s) == ("slow", 164, pytest.approx(2_000))


def test_of_more_names_than_workers_the_newest_are_kept() -> None:
    rates = WorkerRates()
    for name in ("a", "b", "a", "c"):
        rates.note(name, 1, 1, 2)
    assert [view.name for view in rates.views()] == ["a", "c"]


def test_a_worker_that_is_gone_is_forgotten() -> None:
    rates = WorkerRates()
    rates.note("a", 1, 1, 2)
    rates.note("b", 1, 1, 2)
    rates.forget("a")
    rates.forget("never seen")
    assert [view.name for view in rates.views()] == ["b"]
    rates.clear()
    assert rates.views() == ()


def test_a_block_that_took_no_time_gives_no_rate() -> None:
    rates = WorkerRates()
    rates.note("a", 32, 0, 1)
    assert rates.views()[0].draws_per_s == 0.0
