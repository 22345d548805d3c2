"""Runs turns one after the other in processes of their own, and keeps what they gave."""

import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil

from bench.contest import WrongResultError
from bench.engines.plan import estimate_s, turn_key, within_budget
from bench.engines.subjects import SUBJECTS, missing
from bench.engines.turn import Answer, Spec
from bench.machine import THREADS
from cluster.process import Child, SpawnError, spawn

_LOOK_S = 1.0  # a look at all processes takes 10 ms of a core
_LIMIT_FACTOR, _LIMIT_S = 4.0, 120.0
_GRACE_S = 8.0


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that is over: what it was, what it gave, and what was seen of it from outside.

    Attributes
    ----------
    peak_mib
        Most memory (RSS, pages shared between processes counted in each) of all its processes.
    fault
        What went wrong after its answer: it counts all the same.
    """

    spec: Spec
    answer: Answer
    peak_mib: float
    fault: str


def run_turns(
    plan: Sequence[Spec], folder: Path, budget_s: float | None
) -> tuple[list[Kept], dict[str, str]]:
    """Run the turns that are not kept yet, as far as the budget goes.

    Parameters
    ----------
    plan
        In order.
    folder
        Where each turn has a folder with its task, answer and logs.
    budget_s
        Seconds that this call may take; None: as long as it takes.

    Returns
    -------
    kept : list of Kept
        All turns of the plan that gave figures, now or before.
    left_out : dict
        Of the others, why.

    Raises
    ------
    WrongResultError
        A subject gave a wrong answer.
    """
    began_s = time.monotonic()
    left: dict[str, str] = {}
    while True:
        done = frozenset([*left, *(turn_key(spec) for spec in plan if _read(spec, folder))])
        spent_s = time.monotonic() - began_s
        spec = next(within_budget(plan, done, spent_s, budget_s), None)
        if spec is None:
            break
        _tell(plan, spec, spent_s)
        fault = missing(SUBJECTS[spec.subject]) or _run(spec, folder / turn_key(spec))
        if fault:
            left[turn_key(spec)] = fault
            print(f"  left out: {fault}", file=sys.stderr, flush=True)
    kept = [one for spec in plan if (one := _read(spec, folder)) is not None]
    have = {turn_key(one.spec) for one in kept}
    rest = [turn_key(spec) for spec in plan if turn_key(spec) not in have]
    return kept, {key: left.get(key, "did not fit into the time given") for key in rest}


def _tell(plan: Sequence[Spec], spec: Spec, spent_s: float) -> None:
    place = [turn_key(one) for one in plan].index(turn_key(spec)) + 1
    print(f"[{place}/{len(plan)}] {spent_s:5.0f} s  {spec.subject}, {spec.workers} workers, "
          f"repetition {spec.repetition + 1}", file=sys.stderr, flush=True)  # fmt: skip


def _read(spec: Spec, folder: Path) -> Kept | None:
    """Read a kept turn; one of another task (other seconds, other jobs) does not count."""
    path = folder / turn_key(spec) / "kept.json"
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        return kept if kept.spec == spec else None
    return None


def _run(spec: Spec, folder: Path) -> str:
    """Run a turn and keep what it gave; say why if that is nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    spec_path, answer_path = folder / "spec.json", folder / "answer.json"
    spec_path.write_bytes(msgspec.json.encode(spec))
    paths = [str(spec_path), str(answer_path), str(time.monotonic_ns())]
    child = spawn(
        [sys.executable, "-m", "bench.engines.turn", *paths],
        name=f"bench {spec.subject}",
        env=THREADS,
        log_path=folder / "turn.log",
    )
    peak_mib, fault = _watch(child, _LIMIT_S + _LIMIT_FACTOR * estimate_s(spec))
    if not answer_path.exists():
        return fault or child.describe_exit()
    answer = msgspec.json.decode(answer_path.read_bytes(), type=Answer)
    if answer.wrong:
        raise WrongResultError(f"{spec.subject}, {spec.workers} workers: {answer.wrong}")
    if answer.missing:
        return answer.missing
    kept = Kept(spec=spec, answer=answer, peak_mib=peak_mib, fault=fault)
    (folder / "kept.json").write_bytes(msgspec.json.encode(kept))
    return ""


def _watch(child: Child, limit_s: float) -> tuple[float, str]:
    """Wait for a turn's end, then end what it left; give its peak memory and what went wrong."""
    until_s = time.monotonic() + limit_s
    seen: set[psutil.Process] = set()
    peak, fault = 0.0, ""
    while (code := _wait(child)) is None:
        peak = max(peak, _look(child.pid, seen))
        if time.monotonic() > until_s:
            fault = f"not done after {limit_s:.0f} s and ended; its log says what it was at"
            child.terminate(_GRACE_S)
    if code and not fault:
        fault = child.describe_exit()
    # Ray's own processes are sessions of their own: those are not swept with the child's.
    rest = [process for process in seen if process.is_running()]
    _, alive = psutil.wait_procs(rest, timeout=_GRACE_S)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=_GRACE_S)
    return peak / 2**20, fault


def _wait(child: Child) -> int | None:
    """Wait a second for the end of a turn with all of its session."""
    try:
        return child.wait(_LOOK_S)
    except SpawnError:  # a killed JVM takes over 2 s to go on a busy machine: it is swept again
        return None


def _look(pid: int, seen: set[psutil.Process]) -> float:
    with suppress(psutil.NoSuchProcess):
        processes = [(own := psutil.Process(pid)), *own.children(recursive=True)]
        seen.update(processes[1:])
        return sum(_memory(process) for process in processes)
    return 0.0


def _memory(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(process.memory_info().rss)
    return 0.0
