"""Dispatch, case by case: who gets which block, and what is said about it."""

from optimize.engines import moves
from optimize.engines.dispatch import Dispatch
from optimize.engines.moves import Policy
from tests.optimize.engines.world import LOCAL_BLOCK_NS, MS, SHAPE, World


def ready_world(*engines: str, order: tuple[str, ...] = ("ray", "local")) -> World:
    world = World(1, order)
    for name in engines or order:
        world.step(moves.Came(name, 2))
    return world


def blocks_of(complete: moves.Complete) -> list[int]:
    return [block for _, block in complete.payloads]


def test_first_healthy_engine_does_all_and_the_decision_is_not_degraded() -> None:
    world = ready_world()
    world.submit(1, 32, 500 * MS)
    world.run(until_ns=world.now_ns + 500 * MS)
    complete = world.completed[1]
    assert (complete.engine, complete.peers) == ("ray", ("ray-1",))
    assert (complete.degraded, complete.late, complete.reason) == (False, False, "")
    assert blocks_of(complete) == list(range(32))
    assert world.machine.lanes["local"].done == 0


def test_local_decides_and_says_why_while_the_first_engine_starts() -> None:
    world = ready_world("local")
    world.submit(1, 4, 500 * MS)
    world.run(until_ns=world.now_ns + 100 * MS)
    complete = world.completed[1]
    assert complete.engine == "local"
    assert complete.degraded
    assert complete.reason == "ray is starting; local decides"


def test_job_submitted_before_any_engine_is_up_waits_for_one() -> None:
    world = World(1, ("ray", "local"))
    world.submit(1, 4, 500 * MS)
    world.run(until_ns=world.now_ns + 100 * MS)
    assert not world.completed
    world.step(moves.Came("local", 2))
    world.run(until_ns=world.now_ns + 100 * MS)
    assert blocks_of(world.completed[1]) == [0, 1, 2, 3]


def test_lost_engine_s_blocks_go_on_at_the_moment_of_the_loss() -> None:
    world = ready_world()
    world.mood["ray"] = "hung"
    world.submit(1, 8, 10_000 * MS)
    world.step(moves.Gone("ray", "exit code 1"))
    world.run(until_ns=world.now_ns + 8 * LOCAL_BLOCK_NS)
    complete = world.completed[1]
    assert complete.degraded
    assert complete.reason == "ray failed (exit code 1); local decides"
    assert world.switches[-1] == moves.Switch("ray", "local", "ray failed (exit code 1)")


def test_late_blocks_go_to_the_next_engine_as_well_and_the_late_one_may_still_answer() -> None:
    world = ready_world(order=("ray", "spark", "local"))
    world.mood["ray"] = "hung"
    world.submit(1, 8, 60_000 * MS)
    world.run(until_ns=world.now_ns + 200 * MS)
    complete = world.completed[1]
    assert complete.engine == "spark"
    assert "ray owed 8 blocks after 31 ms" in complete.reason
    late = moves.Answered("ray", "ray-1", 1, 0, (1, 0), 1)
    assert world.machine.step(late, world.now_ns) == []
    assert world.machine.stale == 1


def test_duplicate_is_compared_and_counted_once() -> None:
    machine = Dispatch([("ray", None), ("local", 4)], "local")
    machine.step(moves.Came("ray", 2), 0)
    machine.step(moves.Came("local", 2), 0)
    machine.step(moves.Submitted(1, 2, SHAPE, 3600_000 * MS), 0)
    machine.step(moves.Timer(), 100 * MS)  # hedged: local has both as well
    machine.step(moves.Answered("local", "local", 1, 1, "one", 5), 101 * MS)
    machine.step(moves.Answered("ray", "ray-1", 1, 1, "one", 5), 102 * MS)
    assert (machine.duplicates, machine.unequal) == (1, 0)
    effects = machine.step(moves.Answered("ray", "ray-1", 1, 0, "zero", 5), 103 * MS)
    complete = next(effect for effect in effects if isinstance(effect, moves.Complete))
    assert complete.payloads == ("zero", "one")
    assert machine.lanes["ray"].done == machine.lanes["local"].done == 1


def test_engine_whose_bits_differ_is_put_out_and_its_blocks_are_made_again() -> None:
    machine = Dispatch([("ray", None), ("local", 4)], "local")
    machine.step(moves.Came("ray", 2), 0)
    machine.step(moves.Came("local", 2), 0)
    machine.step(moves.Submitted(1, 3, SHAPE, 3600_000 * MS), 0)
    machine.step(moves.Answered("ray", "ray-1", 1, 0, "wrong", 5), 1 * MS)
    machine.step(moves.Timer(), 200 * MS)
    machine.step(moves.Answered("local", "local", 1, 2, "two", 5), 201 * MS)
    effects = machine.step(moves.Answered("ray", "ray-1", 1, 2, "wrong", 5), 202 * MS)
    assert machine.unequal == 1
    assert not machine.lanes["ray"].health.ready
    assert moves.Forget("ray", 1) in effects
    assert moves.Send("local", 1, (0,)) in effects
    assert any(isinstance(e, moves.Switch) and "other bits" in e.cause for e in effects)
    machine.step(moves.Answered("local", "local", 1, 0, "zero", 5), 203 * MS)
    effects = machine.step(moves.Answered("local", "local", 1, 1, "one", 5), 204 * MS)
    complete = next(effect for effect in effects if isinstance(effect, moves.Complete))
    assert complete.payloads == ("zero", "one", "two")
    assert complete.degraded


def test_block_that_local_cannot_evaluate_either_fails_the_job_with_the_reason() -> None:
    machine = Dispatch([("ray", None), ("local", 4)], "local")
    machine.step(moves.Came("ray", 2), 0)
    machine.step(moves.Came("local", 2), 0)
    machine.step(moves.Submitted(1, 2, SHAPE, 500 * MS), 0)
    effects = machine.step(moves.Refused("ray", 1, (1,), "ValueError: n"), 1)
    assert moves.Send("local", 1, (1,)) in effects
    effects = machine.step(moves.Refused("local", 1, (1,), "ValueError: n"), 2)
    complete = next(effect for effect in effects if isinstance(effect, moves.Complete))
    assert complete.failed
    assert complete.payloads == ()
    assert "no engine can evaluate block 1" in complete.reason
    assert "ValueError: n" in complete.reason


def test_results_nobody_asked_for_are_refused_and_counted() -> None:
    world = ready_world()
    world.mood["ray"] = "hung"
    world.submit(1, 4, 5_000 * MS)
    answer = moves.Answered("local", "local", 1, 2, (1, 2), 5)
    assert world.machine.step(answer, world.now_ns) == []
    assert world.machine.step(moves.Answered("ray", "r", 1, 77, (1, 77), 5), world.now_ns) == []
    assert world.machine.unasked == 2
    assert world.machine.step(moves.Answered("ray", "r", 9, 0, (9, 0), 5), world.now_ns) == []
    assert world.machine.stale == 1


def test_decision_that_local_cannot_hold_either_is_late_and_says_so() -> None:
    world = ready_world("local", order=("local",))
    world.submit(1, 200, 1 * MS)
    world.run(until_ns=world.now_ns + 1_000 * MS)
    complete = world.completed[1]
    assert complete.late
    assert not complete.degraded
    assert complete.reason == "late by 11 ms"  # 100 rounds of 120 us, less the deadline


def test_engine_that_answers_no_job_is_out_after_three_and_comes_back_by_canaries() -> None:
    world = ready_world()
    world.mood["ray"] = "hung"
    for job_id in (1, 2, 3):
        world.submit(job_id, 8, 100 * MS)
        world.run(until_ns=world.now_ns + 200 * MS)
    assert world.machine.lanes["ray"].health.phase == "probation"
    assert "did not answer 3 jobs in turn" in world.switches[-1].cause
    world.mood["ray"] = "good"
    out_ns = world.now_ns
    world.submit(4, 8, 100 * MS)
    world.run(until_ns=out_ns + 200 * MS)
    assert world.completed[4].engine == "local"
    assert "ray is on probation" in world.completed[4].reason
    world.run(until_ns=out_ns + 10_000 * MS)
    world.submit(5, 8, 100 * MS)
    world.run(until_ns=world.now_ns + 200 * MS)
    assert world.completed[5].engine == "ray"
    assert len(world.canaries) == Policy().canaries


def test_local_first_needs_no_rescue_and_another_engine_helps_when_it_is_late() -> None:
    world = ready_world(order=("local", "ray"))
    world.submit(1, 2000, 60_000 * MS)
    world.run(until_ns=world.now_ns + 60_000 * MS)
    complete = world.completed[1]
    assert complete.engine == "local"
    assert not complete.late


def test_local_is_sent_few_blocks_ahead_and_none_that_is_there_already() -> None:
    machine = Dispatch([("ray", None), ("local", 4)], "local")
    machine.step(moves.Came("ray", 2), 0)
    machine.step(moves.Came("local", 2), 0)
    machine.step(moves.Submitted(1, 20, SHAPE, 3600_000 * MS), 0)
    effects = machine.step(moves.Timer(), 200 * MS)  # hedged, from the end
    assert effects == [moves.Send("local", 1, (19, 18, 17, 16, 15, 14, 13, 12))]
    for block in (11, 10):
        assert machine.step(moves.Answered("ray", "r", 1, block, block, 5), 201 * MS) == []
    effects = machine.step(moves.Answered("local", "local", 1, 19, 19, 5), 202 * MS)
    assert effects == [moves.Send("local", 1, (9,))]


def test_strikes_count_only_in_turn() -> None:
    world = ready_world()
    for job_id, mood in enumerate(("hung", "hung", "good", "hung", "hung"), start=1):
        world.mood["ray"] = mood
        world.submit(job_id, 8, 100 * MS)
        world.run(until_ns=world.now_ns + 200 * MS)
    assert world.machine.lanes["ray"].health.ready
    assert [world.completed[job_id].engine for job_id in range(1, 6)] == [
        "local",
        "local",
        "ray",
        "local",
        "local",
    ]
