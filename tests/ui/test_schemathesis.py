"""Tries the API at random, in a process of its own.

Schemathesis gives all its tests one name; xdist, which tells tests by theirs, would run one of them
only.
"""

import re
import subprocess
import sys
from pathlib import Path

from tests.ui.api_at_random import schema

CASES = Path(__file__).with_name("api_at_random.py")


def test_the_answers_are_as_described() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(CASES)], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout
    found = re.search(r"(\d+) passed", done.stdout)
    assert found is not None
    assert int(found[1]) == schema.statistic.operations.selected > 10
