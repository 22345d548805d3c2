"""A result says which commit of the program it is of."""

import os
import subprocess
from pathlib import Path

import pytest

import bench.java_version
from bench.brokers import Broker, java_of
from bench.case_names import EMBEDDED, KAFKA
from bench.machine import (
    CHANGES,
    COMMIT,
    LOAD_AT_END,
    LOAD_AT_START,
    describe_machine,
    find_commit,
    with_end_load,
)
from bench.peer_environment import quix_versions
from bench.pipeline.benchmark import PACKAGES, Plan, find_versions
from bench.pipeline.contenders import make_contenders
from cluster.java import Java, MissingError

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


@pytest.mark.parametrize(("load", "told"), [(1.0, False), (1.1, True)])
def test_a_machine_that_is_busy_before_a_measurement_is_told_of_in_a_line(
    load: float, told: bool, monkeypatch, capsys
):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert describe_machine()[LOAD_AT_START] == str(load)
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("warning: load 1.1 on 2 cores") for line in lines] == [True] * told


def test_the_load_at_the_end_stands_beside_that_at_the_start(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (0.3, 0.0, 0.0))
    machine = describe_machine()
    monkeypatch.setattr(os, "getloadavg", lambda: (2.6, 0.0, 0.0))
    ended = with_end_load(machine)
    assert (ended[LOAD_AT_START], ended[LOAD_AT_END]) == ("0.3", "2.6")


def test_java_is_named_where_a_kafka_was_started_for_the_run(monkeypatch):
    monkeypatch.setattr(bench.java_version, "find_java", lambda: Java("java", "17.0.13"))
    found, started = Broker(KAFKA, "a:1", ""), Broker(KAFKA, "a:1", "", pid=7)
    embedded = Broker(EMBEDDED, "a:1", "", pid=7)
    assert (java_of([found, embedded]), java_of([started])) == ({}, {"java": "17.0.13"})

    def none() -> Java:
        raise MissingError("no java")

    monkeypatch.setattr(bench.java_version, "find_java", none)
    assert java_of([started]) == {}


def test_the_versions_of_a_pipeline_are_those_of_what_takes_part(monkeypatch):
    monkeypatch.setattr(bench.java_version, "find_java", lambda: Java("java", "17.0.13"))

    def named(methods: list[str], engines: list[str], pid: int | None) -> set[str]:
        plan = Plan(methods=methods, engines=engines)
        contenders = make_contenders(methods, libraries=False, engines=engines)
        return set(find_versions(plan, contenders, [Broker(KAFKA, "a:1", "", pid)]))

    ours = {*PACKAGES}
    assert named(["exact"], ["local", "ray", "spark"], None) == ours
    assert named(["exact"], ["local"], 7) == ours | {"java"}
    assert named(["resample"], ["local", "ray"], None) == ours | {"ray"}
    assert named(["resample"], ["spark"], None) == ours | {"pyspark", "java"}
    assert quix_versions()["quixstreams"].startswith("3.28.1 (with numpy")


def test_each_result_names_the_commit_of_its_program():
    assert describe_machine(scheduling="normal").get(COMMIT, "") == find_commit(ROOT)
