"""The compile cache: refused where it cannot be kept, old folders dropped."""

import os
import threading
from pathlib import Path

import psutil
import pytest

from silverbullet import warm
from tests.integration.commands import run_command

DAY_S = 86_400.0
NOW_S = 1_800_000_000.0


def test_a_cache_that_cannot_be_written_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SILVERBULLET_CACHE", str(blocked))
    done = run_command(tmp_path, "warm")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"Error: cannot keep compiled kernels in {blocked}")
    assert "SILVERBULLET_CACHE" in done.stderr


def test_folders_unused_for_a_month_are_dropped_and_the_one_in_use_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages_days = {"in_use": 300.0, "recent": 29.9, "old": 30.1}
    for name, age in ages_days.items():
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "code.nbc").write_text("x")
        os.utime(folder, (NOW_S - age * DAY_S,) * 2)
    in_use = tmp_path / "kernels" / "in_use"
    for step in ("_warm_windows", "_warm_estimators", "warm_kernels"):
        monkeypatch.setattr(warm, step, lambda: None)
    monkeypatch.setattr(warm, "cache_folder", lambda: in_use)
    monkeypatch.setattr("silverbullet.warm.time.time", lambda: NOW_S)
    warm.warm_everything(progress=False)
    assert {path.name for path in in_use.parent.iterdir()} == {"in_use", "recent"}
    assert in_use.stat().st_mtime == NOW_S
    assert (in_use / "code.nbc").exists()


@pytest.fixture
def cold_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Not optimised, kernels are compiled sooner, though not all of them are kept.
    monkeypatch.setenv("NUMBA_OPT", "0")
    monkeypatch.setenv("SILVERBULLET_CACHE", str(tmp_path))
    return tmp_path


def test_another_process_compiles_what_the_cache_lacks_and_only_that(cold_cache: Path) -> None:
    before = psutil.Process().children()
    warm.compile_apart(threading.Event())
    kernels = {path: path.stat().st_mtime_ns for path in cold_cache.rglob("*.nbc")}
    assert len(kernels) > 50
    warm.compile_apart(threading.Event())
    assert kernels == {path: path.stat().st_mtime_ns for path in cold_cache.rglob("*.nbc")}
    assert psutil.Process().children() == before


def test_a_compiler_that_fails_or_cannot_start_is_told_and_left(
    cold_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for program, told in (("false", "exit code 1"), ("no-such-program", "not found")):
        monkeypatch.setattr("silverbullet.warm.sys.executable", program)
        warm.compile_apart(threading.Event())
        assert told in caplog.text
        assert "compiling here instead" in caplog.text
        assert "kernels compiled" not in caplog.text
        caplog.clear()


def test_what_another_installation_compiled_is_not_taken_for_ours(
    cold_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("silverbullet.warm.__file__", "/elsewhere/silverbullet/warm.py")
    folder = warm.cache_folder()
    folder.mkdir(parents=True)
    warm._keep_house(folder, NOW_S)
    monkeypatch.undo()
    monkeypatch.setenv("SILVERBULLET_CACHE", str(cold_cache))
    monkeypatch.setattr("silverbullet.warm.sys.executable", "false")
    warm.compile_apart(threading.Event())
    assert "compiling here instead" in caplog.text


def test_one_who_is_to_end_does_not_wait_for_the_compiler(cold_cache: Path) -> None:
    before, stop = psutil.Process().children(), threading.Event()
    stop.set()
    warm.compile_apart(stop)
    assert not list(cold_cache.rglob("*.nbc"))
    assert psutil.Process().children() == before
