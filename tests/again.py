"""Which tests failed beside others, and may be tried once more, alone."""

from pathlib import Path

import pytest

MOST = 3


class Again:
    """Writes the failed tests of a run to a file, one a line; no file where that is not the place.

    Nothing is tried again where more than three failed, or the run was not whole: a file could not
    be collected, a process of tests crashed, or somebody ended it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed: dict[str, None] = {}
        self._is_whole = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take note of what could not be collected."""
        self._is_whole &= not report.failed

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self) -> None:
        """Take note that a process of tests has crashed."""
        self._is_whole = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of what failed, in its fixtures too."""
        if report.failed:
            self._failed[report.nodeid] = None

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write what may be tried again, or take away what an earlier run wrote."""
        self._path.unlink(missing_ok=True)
        was_ended = bool(session.shouldfail or session.shouldstop)
        is_right = exitstatus == pytest.ExitCode.TESTS_FAILED and self._is_whole and not was_ended
        if is_right and 0 < len(self._failed) <= MOST:
            self._path.parent.mkdir(exist_ok=True)
            self._path.write_text("".join(f"{name}\n" for name in self._failed))
