"""The real thing, small: processes are started, measured and gone."""

import time
from pathlib import Path

import pytest

from bench.contest import WrongResultError
from bench.engines.peers_pools import Pool
from bench.engines.plan import turn_key
from bench.engines.report import build_report
from bench.engines.run import run_turns
from bench.engines.turn import Spec, take_turn
from cluster.process import Child, SpawnError
from optimize.job import BlockResult, DrawJob
from tests.descendants import descendants
from tests.integration.commands import until


def a_spec(
    subject: str, *, control: bool = False, search: bool = False, job: str = "empty"
) -> Spec:
    return Spec(
        subject=subject, workers=2, repetition=0, jobs=(job,), searched=(job,) if search else (),
        rates={job: 50.0}, seconds=0.5, control=control,
    )  # fmt: skip


def run_one(spec: Spec, folder: Path) -> None:
    before = descendants()
    kept, left_out = run_turns([spec], folder, None)
    assert left_out == {}
    until(lambda: descendants() <= before, "its processes to be gone", 5.0)
    (one,) = kept
    measured = one.answer.measured[spec.jobs[0]]
    assert len(measured.times.due) >= 4
    assert 0.0 < one.answer.warm_s < one.answer.first_s
    assert one.answer.first_s == pytest.approx(one.answer.ready_s + one.answer.warm_s)
    assert one.peak_mib > 50.0


@pytest.mark.timeout(120)
def test_local_and_a_pool_are_measured_beside_each_other(tmp_path: Path):
    plan = [a_spec("local", control=True, search=True), a_spec("multiprocessing.Pool", search=True)]
    kept, left_out = run_turns(plan, tmp_path, None)
    assert left_out == {}
    report = build_report(kept, {}, {}, left_out)
    assert {one.subject for one in report.details} == {"local", "multiprocessing.Pool"}
    assert report.controls[0].latency.max >= 200.0
    for detail in report.details:
        assert 0.0 < detail.latency.p50.value < 100.0
        assert detail.sustained > 10.0
    # What is kept is not run again, whatever the budget; another task is.
    began_s = time.monotonic()
    again, left_out = run_turns(plan, tmp_path, 0.0)
    assert time.monotonic() - began_s < 1.0
    assert again == kept
    other, left_out = run_turns([a_spec("local", job="resample-10")], tmp_path, 0.0)
    assert other == []
    assert left_out == {"local-w2-r0": "did not fit into the time given"}


def test_a_subject_that_cannot_take_part_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    spec = a_spec("spark tasks")
    kept, left_out = run_turns([spec], tmp_path, None)
    assert kept == []
    assert "Java is missing" in left_out[turn_key(spec)]


def test_a_session_that_is_slow_to_die_costs_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plain, refused = Child.wait, []

    def wait(self: Child, timeout_s: float) -> int | None:
        code = plain(self, timeout_s)
        if code is not None and len(refused) < 2:
            refused.append(code)
            raise SpawnError("processes 1, 2 do not end after SIGKILL")
        return code

    monkeypatch.setattr(Child, "wait", wait)
    kept, left_out = run_turns([a_spec("local")], tmp_path, None)
    assert left_out == {}
    assert len(kept) == 1
    assert refused == [0, 0]


class _Wrong(Pool):
    def _run(self, job: DrawJob, shares: int) -> list[list[BlockResult]]:
        found = [list(share) for share in super()._run(job, shares)]
        found[0][0].weight_mean.setflags(write=True)
        found[0][0].weight_mean[0] += 1e-15
        return found


def test_a_wrong_answer_ends_the_turn():
    entrant = _Wrong("kernels", 1)
    try:
        answer = take_turn(entrant, a_spec("multiprocessing.Pool"), time.monotonic_ns())
    finally:
        entrant.close()
    assert answer.measured == {}
    assert "resample-50: blocks [0] differ in their bits" in answer.wrong


def test_a_wrong_answer_of_a_process_fails_the_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if any('engines.turn' in one for one in sys.orig_argv):\n"
        "    from msgspec.structs import replace\n"
        "    from bench.engines.entrants import EngineEntrant\n"
        "    right = EngineEntrant.decide\n"
        "    def decide(self, job):\n"
        "        first, *rest = right(self, job)\n"
        "        return [replace(first, count=first.count + 1), *rest]\n"
        "    EngineEntrant.decide = decide\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(WrongResultError, match=r"local, 2 workers: resample-50: blocks \[0\]"):
        run_turns([a_spec("local")], tmp_path, None)


@pytest.mark.ray
@pytest.mark.parametrize(
    "subject",
    [
        pytest.param("ray resident", marks=pytest.mark.long),
        pytest.param("bare Ray tasks", marks=pytest.mark.long),
        pytest.param("Ray compiled graph", marks=pytest.mark.long),
    ],
)
def test_ray_takes_part(subject: str, tmp_path: Path):
    run_one(a_spec(subject), tmp_path)


@pytest.mark.spark
@pytest.mark.parametrize(
    "subject", ["spark tasks", pytest.param("bare Spark, tuned", marks=pytest.mark.long)]
)
def test_spark_takes_part(subject: str, tmp_path: Path):
    run_one(a_spec(subject), tmp_path)


@pytest.mark.parametrize(
    "subject", [pytest.param("dask.distributed", marks=pytest.mark.long), "joblib"]
)
def test_pools_take_part(subject: str, tmp_path: Path):
    run_one(a_spec(subject), tmp_path)
