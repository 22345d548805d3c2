"""Dispatch: no block lost, none counted twice, the deadline held where local could hold it."""

import pytest

from optimize.engines import moves
from tests.optimize.engines.world import LOCAL_BLOCK_NS, MS, World

MOODS = ("good", "good", "slow", "hung", "failing")


def run_schedule(seed: int) -> World:
    """Submit jobs while engines die, hang, fail, slow down and come back at random."""
    world = World(seed)
    chance = world.random
    world.step(moves.Came("local", 2))
    for name in ("ray", "spark"):
        world.at(chance.randrange(0, 400) * MS, lambda name=name: world.step(moves.Came(name, 2)))
    for job_id in range(1, 9):
        n_blocks, deadline_ms = chance.randrange(1, 33), chance.choice((15, 50, 300))
        world.at(
            chance.randrange(0, 3000) * MS,
            lambda job=job_id, n=n_blocks, d=deadline_ms: world.submit(job, n, d * MS),
        )
    for _ in range(chance.randrange(0, 8)):
        name, mood = chance.choice(("ray", "spark")), chance.choice((*MOODS, "lost", "lost"))

        def change(name: str = name, mood: str = mood) -> None:
            if world.mood[name] == "lost" or not world.machine.lanes[name].health.ready:
                return
            if mood == "lost":
                world.lose(name)
            else:
                world.mood[name] = mood

        world.at(chance.randrange(0, 3000) * MS, change)
    world.run(until_ns=world.now_ns + 30_000 * MS)
    return world


@pytest.mark.timeout(240)
def test_a_thousand_fault_schedules_lose_nothing_and_count_nothing_twice() -> None:
    seen_degraded = seen_switches = seen_refused = 0
    for seed in range(1000):
        world = run_schedule(seed)
        machine = world.machine
        assert sorted(world.completed) == list(range(1, 9)), f"{seed=}"
        accepted = 0
        for job_id, complete in world.completed.items():
            assert not complete.failed, f"{seed=} {complete.reason}"
            expected = [(job_id, block) for block in range(len(complete.payloads))]
            assert list(complete.payloads) == expected, f"{seed=}"
            assert complete.degraded == bool(complete.reason) or complete.late, f"{seed=}"
            accepted += len(complete.payloads)
            seen_degraded += complete.degraded
        assert sum(lane.done for lane in machine.lanes.values()) == accepted, f"{seed=}"
        assert machine.unequal == 0
        assert all(switch.cause for switch in world.switches)
        assert machine.switches == sum(bool(switch.old) for switch in world.switches)
        seen_switches += machine.switches
        seen_refused += machine.duplicates + machine.stale + machine.unasked
    # The schedules must have exercised what they are for.
    assert seen_degraded > 500
    assert seen_switches > 500
    assert seen_refused > 500


@pytest.mark.timeout(240)
def test_deadline_holds_where_local_could_hold_it_whatever_others_do() -> None:
    for seed in range(300):
        world = World(seed)
        chance = world.random
        for name in world.order:
            world.step(moves.Came(name, 2))
        for job_id in range(1, 11):
            for name in ("ray", "spark"):
                world.mood[name] = chance.choice(MOODS)
            n_blocks = chance.randrange(1, 200)
            alone_ns = LOCAL_BLOCK_NS * -(-n_blocks // 2)
            # What it takes to hold a deadline: half again of the work, and 5 ms.
            deadline_ns = int(alone_ns * 1.7) + 6 * MS + chance.randrange(0, 60) * MS
            begun_ns = world.now_ns
            world.submit(job_id, n_blocks, deadline_ns)
            world.run(until_ns=begun_ns + 3 * deadline_ns)
            complete = world.completed[job_id]
            assert not complete.late, f"{seed=} {job_id=} {complete.reason}"
            assert world.completed_ns[job_id] - begun_ns <= deadline_ns
