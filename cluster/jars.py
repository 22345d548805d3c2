"""A server's jars: fetched by Maven once, kept in the user's cache, checked at each use.

A set's folder appears with a rename when all of it is there, with a list of SHA-256 digests
beside the jars; so what has been there once works without a network.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.java import find_maven

Tell = Callable[[str], None]
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.10.0:copy-dependencies"
_FETCH_LIMIT_S = 900.0  # 21 to 35 s on a quick line
_SUMS = "SHA256SUMS"
_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>silverbullet</groupId>
  <artifactId>{name}</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""
_DEPENDENCY = """\
    <dependency>
      <groupId>{}</groupId>
      <artifactId>{}</artifactId>
      <version>{}</version>
    </dependency>"""


class JarError(RuntimeError):
    """The jars cannot be fetched, or are not what was fetched; the message has the remedy."""


@dataclass(frozen=True, slots=True)
class JarSet:
    """What a server is made of.

    Attributes
    ----------
    name
        Of its folder: ``kafka-4.3.1``.
    title
        What people call it.
    dependencies
        ``group:artifact:version`` of what is asked for; what those need comes with them.
    main_jar
        The file that must be there after a fetch.
    options
        Of Maven's copying: what is left out.
    size_mb
        Of the download.
    """

    name: str
    title: str
    dependencies: tuple[str, ...]
    main_jar: str
    options: tuple[str, ...]
    size_mb: int


def pom(jars: JarSet) -> str:
    """Give Maven's project file for a set."""
    dependencies = (_DEPENDENCY.format(*name.split(":")) for name in jars.dependencies)
    return _POM.format(name=jars.name, dependencies="\n".join(dependencies))


def other_platforms() -> str:
    """Name the native libraries of Netty that are for other machines than this."""
    here = {"x86_64": "linux-x86_64", "aarch64": "linux-aarch_64"}.get(platform.machine(), "")
    known = ("linux-x86_64", "linux-aarch_64", "linux-riscv64", "osx-x86_64", "osx-aarch_64")
    return ",".join(name for name in (*known, "windows-x86_64") if name != here)


def class_path(folder: Path) -> str:
    """List a folder's jars in a fixed order: a class-data archive holds for just that one."""
    return ":".join(str(path) for path in sorted((folder / "lib").glob("*.jar")))


def present(jars: JarSet, cache: Path) -> bool:
    """Tell whether a set has been fetched, without a look at what it holds."""
    return (cache / jars.name / _SUMS).is_file()


def ensure_jars(jars: JarSet, cache: Path, tell: Tell) -> Path:
    """Give the folder of a set: as it is if its digests hold, else fetched anew.

    Parameters
    ----------
    cache
        Folder of all sets.
    tell
        Takes a line on what lasts.

    Raises
    ------
    JarError
        They cannot be fetched.
    MissingError
        They must be fetched and there is no Maven.
    OSError
        The cache cannot be written.
    """
    folder = cache / jars.name
    if present(jars, cache) and not _damage(folder):
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one(cache):
        if present(jars, cache):  # another one may have fetched it in the meantime
            damage = _damage(folder)
            if not damage:
                return folder
            tell(f"{jars.title}: {damage} in {folder}: fetched anew")
        _fetch(jars, cache, tell)
    return folder


def _fetch(jars: JarSet, cache: Path, tell: Tell) -> None:
    maven = find_maven()
    tell(f"{jars.title}: Maven fetches {jars.size_mb} MB, this once")
    work = Path(tempfile.mkdtemp(prefix=f"{jars.name}.new-", dir=cache))
    try:
        (work / "pom.xml").write_text(pom(jars))
        argv = [maven, "-B", "-ntp", "-f", str(work / "pom.xml"), _PLUGIN, "-DincludeScope=runtime"]
        argv += [f"-DoutputDirectory={work / 'lib'}", *jars.options]
        try:
            done = subprocess.run(
                argv, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=_FETCH_LIMIT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise JarError(
                f"{jars.title}: Maven is not done after {_FETCH_LIMIT_S:.0f} s; try again on a "
                "better line: what it has fetched is kept"
            ) from None
        if done.returncode != 0:
            raise JarError(f"{jars.title}: Maven failed: {_complaint(done.stdout + done.stderr)}")
        if not (work / "lib" / jars.main_jar).is_file():
            raise JarError(f"{jars.title}: Maven fetched no {jars.main_jar}; see its settings.xml")
        (work / _SUMS).write_text(
            "".join(f"{_digest(path)}  {path.name}\n" for path in sorted((work / "lib").iterdir()))
        )
        folder = cache / jars.name
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _damage(folder: Path) -> str:
    """Say what is not as it was fetched; empty if all is."""
    lines = (folder / _SUMS).read_text().splitlines()
    wanted = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    found = {path.name for path in (folder / "lib").glob("*")}
    if found ^ wanted.keys():
        return f"{min(found ^ wanted.keys())} is missing or not of it"
    changed = (name for name in sorted(wanted) if _digest(folder / "lib" / name) != wanted[name])
    first = next(changed, None)
    return f"{first} is damaged" if first else ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _complaint(output: str) -> str:
    """Give the first line of Maven's that says what went wrong, and what helps."""
    lines = (line.partition("[ERROR]")[2].strip() for line in output.splitlines())
    told = next((line for line in lines if line), "") or output.strip()[-200:] or "no word"
    return f"{told[:300]}; look at network, proxy and ~/.m2/settings.xml, then try again"


@contextmanager
def _only_one(cache: Path) -> Iterator[None]:
    """Wait until no other process fetches into this cache."""
    descriptor = os.open(cache, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
