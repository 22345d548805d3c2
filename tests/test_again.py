from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.again import Again


def report(name: str = "", *, failed: bool = True) -> SimpleNamespace:
    return SimpleNamespace(nodeid=name, failed=failed)


def finish(plugin: Again, exitstatus: int = 1, ended: str = "") -> None:
    plugin.pytest_sessionfinish(SimpleNamespace(shouldfail="", shouldstop=ended), exitstatus)


def test_what_failed_is_written_once_whatever_of_it_failed(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "again"
    plugin = Again(path)
    for name in ("a.py::one[x y]", "a.py::one[x y]", "b.py::two"):
        plugin.pytest_runtest_logreport(report(name))
    plugin.pytest_runtest_logreport(report("b.py::good", failed=False))
    plugin.pytest_collectreport(report("b.py", failed=False))
    finish(plugin)
    assert path.read_text().splitlines() == ["a.py::one[x y]", "b.py::two"]


@pytest.mark.parametrize(
    ("spoil", "exitstatus", "ended"),
    [
        (lambda plugin: plugin.pytest_collectreport(report("c.py")), 1, ""),
        (lambda plugin: plugin.pytest_handlecrashitem(), 1, ""),
        (lambda plugin: None, 2, ""),
        (lambda plugin: None, 1, "stopping after 1 failures"),
        (lambda plugin: [plugin.pytest_runtest_logreport(report(f"{k}")) for k in range(3)], 1, ""),
    ],
    ids=["not collected", "crashed", "interrupted", "stopped", "four failed"],
)
def test_a_run_that_is_not_whole_or_failed_at_large_leaves_nothing_to_try_again(
    spoil: Callable[[Again], object], exitstatus: int, ended: str, tmp_path: Path
) -> None:
    path = tmp_path / "again"
    path.write_text("of an earlier run\n")
    plugin = Again(path)
    plugin.pytest_runtest_logreport(report("a.py::one"))
    spoil(plugin)
    finish(plugin, exitstatus, ended)
    assert not path.exists()


def test_a_run_without_a_failure_leaves_nothing_to_try_again(tmp_path: Path) -> None:
    path = tmp_path / "again"
    finish(Again(path), exitstatus=0)
    assert not path.exists()
