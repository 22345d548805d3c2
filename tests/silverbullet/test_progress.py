"""Progress on stderr while files are played."""

import threading
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from silverbullet import progress as module
from silverbullet.decider import Decider
from silverbullet.progress import Progress, say_progress

SECOND = 10**9


def follow(progress: Progress, *, read: int, last_row: int | None) -> Any:
    market = SimpleNamespace(last_row=last_row)
    decider = SimpleNamespace(counts=Counter(read=read), market=market)
    progress.follow(cast(Decider, decider), 60 * SECOND)
    return decider


def test_ticks_time_and_rows_are_told() -> None:
    progress = Progress()
    assert "kernels" in progress.text()
    decider = follow(progress, read=7, last_row=None)
    assert progress.text() == "7 ticks read"
    decider.market.last_row = 28_512_000 - 1  # its end: 2024-03-18 00:00
    assert progress.text() == "7 ticks read, at 2024-03-18 00:00:00 UTC"
    decider.counts["read"], decider.market.last_row = 9_000, 28_512_000 + 59
    assert progress.text() == "9000 ticks read, at 2024-03-18 01:00:00 UTC"


def lines_told(capsys: pytest.CaptureFixture[str], wanted: str) -> str:
    told, pause = "", threading.Event()
    with say_progress() as progress:
        follow(progress, read=5, last_row=100)
        for _ in range(1000):
            told += capsys.readouterr().err
            if told.count(wanted) >= 2:
                break
            pause.wait(0.02)
    return told + capsys.readouterr().err


def test_a_pipe_gets_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LINE_INTERVAL_S", 0.05)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    told = lines_told(capsys, "\n")
    assert set(told.splitlines()) == {"5 ticks read, at 1970-01-01 01:41:00 UTC"}


def test_a_terminal_gets_one_line_that_is_cleared_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TERMINAL_INTERVAL_S", 0.05)
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    told = lines_told(capsys, "5 ticks read")
    assert "5 ticks read, at 1970-01-01 01:41:00 UTC" in told
    assert told.rstrip().endswith("\x1b[2K")  # the line is erased


def test_what_is_soon_over_tells_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with say_progress() as progress:
        follow(progress, read=5, last_row=100)
    assert capsys.readouterr().err == ""
