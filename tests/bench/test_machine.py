"""A result says which commit of the program it is of."""

import subprocess
from pathlib import Path

import pytest

from bench.machine import CHANGES, COMMIT, describe_machine, find_commit

ROOT = Path(__file__).parents[2]


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    root = tmp_path / "program"
    root.mkdir()
    git(root, "init", "-q")
    (root / "a.py").write_text("x = 1\n")
    git(root, "add", "a.py")
    git(root, "commit", "-qm", "Begin")
    return root


def test_a_commit_is_named_and_changes_to_it_are_told(program: Path):
    commit = git(program, "rev-parse", "HEAD")
    assert find_commit(program) == commit[:12]
    git(program, "tag", "-a", "v1", "-m", "first")
    assert find_commit(program) == commit[:12]
    (program / "a.py").write_text("x = 2\n")
    assert find_commit(program) == commit[:12] + CHANGES


def test_outside_git_there_is_none_and_neither_within_the_repository_of_another(
    program: Path, tmp_path: Path
):
    assert find_commit(tmp_path) == ""
    installed = program / ".venv" / "lib"
    installed.mkdir(parents=True)
    assert find_commit(installed) == ""


def test_without_git_there_is_none(program: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(program))
    assert find_commit(program) == ""


def test_each_result_names_the_commit_of_its_program():
    assert describe_machine(scheduling="normal").get(COMMIT, "") == find_commit(ROOT)
