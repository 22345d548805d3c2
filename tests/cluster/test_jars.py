"""Jars of a server: fetched once, checked at each use. The Maven here is a script of the tests'."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.jars import JarError, JarSet, class_path, ensure_jars, pom, present
from cluster.java import MissingError, find_java
from cluster.kafka_server import KAFKA

JARS = JarSet("server-1", "Server 1", ("org.server:server:1",), "server-1.jar", ("-Dx=y",), 3)
FETCHES = """\
lib = next(a.partition("=")[2] for a in sys.argv if a.startswith("-DoutputDirectory="))
pathlib.Path(lib).mkdir()
for name in ("server-1.jar", "other-2.jar"):
    pathlib.Path(lib, name).write_bytes(name.encode() * 1000)
"""
Maven = Callable[[str], None]


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maven:
    """Make a program the only `mvn` on the PATH; it counts its calls."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def write(body: str) -> None:
        calls = tmp_path / "calls"
        (tmp_path / "bin" / "mvn").write_text(
            f"#!{sys.executable}\nimport pathlib, sys\n"
            f"with open({str(calls)!r}, 'a') as file: file.write(' '.join(sys.argv) + chr(10))\n"
            f"{body}"
        )
        (tmp_path / "bin" / "mvn").chmod(0o755)

    return write


def calls(tmp_path: Path) -> list[str]:
    path = tmp_path / "calls"
    return path.read_text().splitlines() if path.exists() else []


def silent(_: str) -> None:
    return


def test_jars_are_fetched_once_and_then_without_maven(tmp_path: Path, maven: Maven) -> None:
    maven(FETCHES)
    told: list[str] = []
    folder = ensure_jars(JARS, tmp_path / "cache", told.append)
    assert told == ["Server 1: Maven fetches 3 MB, this once"]
    assert present(JARS, tmp_path / "cache")
    assert class_path(folder) == f"{folder}/lib/other-2.jar:{folder}/lib/server-1.jar"
    (tmp_path / "bin" / "mvn").unlink()
    assert ensure_jars(JARS, tmp_path / "cache", told.append) == folder
    assert len(told) == len(calls(tmp_path)) == 1
    assert " -Dx=y" in calls(tmp_path)[0]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["server-1"]


@pytest.mark.parametrize("harm", ["changed", "removed", "added"])
def test_jars_that_are_not_what_was_fetched_are_fetched_anew(
    harm: str, tmp_path: Path, maven: Maven
) -> None:
    maven(FETCHES)
    lib = ensure_jars(JARS, tmp_path, silent) / "lib"
    before = {path.name: path.read_bytes() for path in lib.iterdir()}
    if harm == "changed":
        (lib / "other-2.jar").write_bytes(before["other-2.jar"][:-1] + b"!")
    elif harm == "removed":
        (lib / "other-2.jar").unlink()
    else:
        (lib / "stranger.jar").write_bytes(b"class")
    told: list[str] = []
    ensure_jars(JARS, tmp_path, told.append)
    assert "fetched anew" in told[0]
    assert ("stranger.jar" if harm == "added" else "other-2.jar") in told[0]
    assert {path.name: path.read_bytes() for path in lib.iterdir()} == before


def test_damaged_jars_are_refused_where_there_is_no_maven(tmp_path: Path, maven: Maven) -> None:
    maven(FETCHES)
    lib = ensure_jars(JARS, tmp_path, silent) / "lib"
    (lib / "server-1.jar").write_bytes(b"")
    (tmp_path / "bin" / "mvn").unlink()
    with pytest.raises(MissingError, match=r"Maven is missing .*: apt-get install maven"):
        ensure_jars(JARS, tmp_path, silent)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "print('[INFO] x'); print('[ERROR] no such host'); print('[ERROR] y'); sys.exit(1)",
            "Server 1: Maven failed: no such host; look at network",
        ),
        ("sys.exit('killed')", "Maven failed: killed; look at"),
        (FETCHES.replace("server-1.jar", "server-2.jar"), "Maven fetched no server-1.jar"),
    ],
)
def test_a_fetch_that_fails_is_told_and_leaves_nothing(
    body: str, told: str, tmp_path: Path, maven: Maven
) -> None:
    maven(body)
    with pytest.raises(JarError, match=told):
        ensure_jars(JARS, tmp_path / "cache", silent)
    assert list((tmp_path / "cache").iterdir()) == []


def test_two_processes_fetch_once(tmp_path: Path, maven: Maven) -> None:
    maven("import time\n" + FETCHES + "time.sleep(0.3)\n")
    code = (
        "import sys; from pathlib import Path; from tests.cluster.test_jars import JARS, silent;"
        "from cluster.jars import ensure_jars; ensure_jars(JARS, Path(sys.argv[1]), silent)"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "cache")]
    both = [subprocess.Popen(run) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(calls(tmp_path)) == 1


def test_the_project_file_names_what_is_asked_for() -> None:
    text = pom(KAFKA.jars)
    for line in ("<groupId>org.apache.kafka</groupId>", "<artifactId>kafka_2.13</artifactId>"):
        assert line in text
    assert text.count("<dependency>") == 2


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ('openjdk version "21.0.1" 2023-10-17', "is Java 21, not 17: install Java 17"),
        ('java version "1.8.0_402"', "is Java 8, not 17"),
        ("what is this", "is no Java ('what is this')"),
        (None, "Java is missing"),
    ],
)
def test_a_java_that_does_not_fit_is_told_with_the_remedy(
    says: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()
    if says is not None:
        (tmp_path / "bin" / "java").write_text(f"#!/bin/sh\necho '{says}' >&2\n")
        (tmp_path / "bin" / "java").chmod(0o755)
    with pytest.raises(MissingError) as refused:
        find_java()
    assert told in str(refused.value)
    assert "JAVA_HOME" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_java_of_java_home_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text("#!/bin/sh\necho 'openjdk version \"17.0.9\"' >&2\n")
    (tmp_path / "bin" / "java").chmod(0o755)
    found = find_java()
    assert (found.path, found.version) == (os.fspath(tmp_path / "bin" / "java"), "17.0.9")
