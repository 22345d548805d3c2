"""Java and Maven as the servers of this machine need them: where they are, and what lacks."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

JAVA_NEEDED = 17
"""Cassandra 5.0 takes no newer one, Kafka 4 no older one."""
_REMEDY = (
    f"install Java {JAVA_NEEDED} (apt-get install openjdk-17-jre-headless), "
    "or set JAVA_HOME to where it is"
)
_ASK_LIMIT_S = 20.0  # 0.1 s where nothing else runs


class MissingError(RuntimeError):
    """A program of this machine is missing or of a wrong version; the message has the remedy."""


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that can run the servers.

    Attributes
    ----------
    path
        The program.
    version
        In full, as ``17.0.13``.
    """

    path: str
    version: str


def find_java() -> Java:
    """Give the Java of JAVA_HOME, else of the PATH.

    Raises
    ------
    MissingError
        There is none, or of another version.
    """
    home = os.environ.get("JAVA_HOME")
    wanted = str(Path(home, "bin", "java")) if home else "java"
    found = shutil.which(wanted)
    if found is None:
        where = f"no {wanted}, as JAVA_HOME says" if home else "no java on the PATH"
        raise MissingError(f"Java is missing ({where}): {_REMEDY}")
    try:
        told = subprocess.run(
            [found, "-version"], capture_output=True, text=True, timeout=_ASK_LIMIT_S, check=False
        ).stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"Java does not answer ({found}: {error}): {_REMEDY}") from None
    version = re.search(r'version "((?:1\.)?(\d+)[^"]*)"', told)
    if version is None:
        raise MissingError(f"{found} is no Java ({told.strip()[:80]!r}): {_REMEDY}")
    if int(version[2]) != JAVA_NEEDED:
        raise MissingError(f"{found} is Java {version[2]}, not {JAVA_NEEDED}: {_REMEDY}")
    return Java(found, version[1])


def find_maven() -> str:
    """Give the program Maven.

    Raises
    ------
    MissingError
        It is not on the PATH.
    """
    found = shutil.which("mvn")
    if found is None:
        raise MissingError("Maven is missing (no mvn on the PATH): apt-get install maven")
    return found
