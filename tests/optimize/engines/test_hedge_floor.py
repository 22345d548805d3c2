"""When blocks count as late at engines that differ in what an empty task costs."""

from optimize.engines.dispatch import Dispatch
from optimize.engines.moves import Came, Complete, Policy, Send, Shape, Submitted, Timer

MS = 1_000_000
SHAPE = Shape("resample", 10, 32)  # 0.1 ms a block


def wait_before_local_helps(engine: str) -> float:
    """Give the ms that a silent engine has a job alone."""
    machine = Dispatch([(engine, None), ("local", None)], "local", Policy())
    machine.step(Came(engine, 2), 0)
    machine.step(Came("local", 2), 0)
    effects = machine.step(Submitted(1, 32, SHAPE, 1000 * MS), 0)
    assert [effect.engine for effect in effects if isinstance(effect, Send)] == [engine]
    while True:
        now_ns = machine.next_ns()
        assert now_ns is not None
        effects = machine.step(Timer(), now_ns)
        assert not [effect for effect in effects if isinstance(effect, Complete)]
        if any(isinstance(effect, Send) and effect.engine == "local" for effect in effects):
            return now_ns / MS


def test_spark_is_given_the_time_of_an_empty_job_in_a_young_jvm_and_ray_no_more_than_it_needs() -> (
    None
):
    assert 30 < wait_before_local_helps("ray") < 50
    assert 150 < wait_before_local_helps("spark") < 170
