"""Kills for tests: which processes an engine has, and jobs while one of them dies."""

import os
import signal
import threading
import time
from collections.abc import Callable

import psutil

from optimize.engines.evaluator import Evaluator
from tests.optimize.engines.rigs import UP_S, bits, draw_job, expected, until

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def view(evaluator: Evaluator, name: str) -> tuple[str, str]:
    """Give an engine's state and its reason."""
    state = next(state for state in evaluator.states() if state.name == name)
    return state.state, state.reason


def await_trusted(evaluator: Evaluator, name: str) -> float:
    """Wait until jobs go to an engine; give the seconds it took."""
    return until(lambda: view(evaluator, name)[0] == "ready", f"{name} to be trusted", UP_S)


def below(name: str, top: psutil.Process | None = None) -> list[psutil.Process]:
    """List the processes below one (this one) whose command line holds a word."""
    found = []
    for process in (top or psutil.Process()).children(recursive=True):
        try:
            if any(name in word for word in process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def listening(top: psutil.Process | None = None) -> list[tuple[str, str]]:
    """Give name and address for each socket that a process below one (this one) listens on."""
    return [
        (process.name(), connection.laddr.ip)
        for process in (top or psutil.Process()).children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]


def kill(*processes: psutil.Process) -> None:
    """Kill -9."""
    for process in processes:
        process.send_signal(signal.SIGKILL)


def run_jobs_while(evaluator: Evaluator, strike: Callable[[], None], seconds: float) -> list[str]:
    """Do jobs of 0.2 s one after the other, strike during the third; all must be right.

    Gives why jobs had local's help, each of those that had.
    """
    job = draw_job(20, slow_us=25_000, n_draws=32 * 16)
    wanted = expected(job)
    begun_s, done = time.monotonic(), 0
    helped: list[str] = []
    while time.monotonic() - begun_s < seconds or done < 4:
        job_id = evaluator.submit(job, 2.0)
        if done == 2:
            threading.Timer(0.05, strike).start()
        complete = evaluator.wait(30.0)
        assert complete is not None
        assert complete.job_id == job_id
        assert not complete.failed
        assert [bits(result) for result in complete.results] == wanted
        assert complete.degraded == bool(complete.reason) or complete.late
        done += 1
        helped += [complete.reason] if complete.degraded else []
    return helped


def await_alone(evaluator: Evaluator, name: str) -> None:
    """Wait until an engine does a job without help, with equal bits."""
    job = draw_job(10)
    wanted = expected(job)

    def does_it_alone() -> bool:
        job_id = evaluator.submit(job, 30.0)
        complete = evaluator.wait(30.0)
        assert complete is not None
        assert complete.job_id == job_id
        assert [bits(result) for result in complete.results] == wanted
        return complete.engine == name and not complete.degraded

    until(does_it_alone, f"{name} to do a job alone")


def see_local_decide(evaluator: Evaluator, name: str, reason: str) -> None:
    """Wait until an engine is out for a reason, which is on the decision as well."""

    def is_out() -> bool:
        state, why = view(evaluator, name)
        return state == "failed" and reason in why  # dispatch, too, has been told

    until(is_out, f"{name} to be out: {reason}")
    evaluator.submit(draw_job(10), 1.0)
    complete = evaluator.wait(10.0)
    assert complete is not None
    assert (complete.engine, complete.degraded) == ("local", True)
    assert reason in complete.reason


def session_of(pid: int) -> int:
    """Give a process's session; -1 where it is gone."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1
