"""The engine `spark`: what the pipeline's side of it differs in. `spark_host` is the other side."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from optimize.engines.host_kind import HostKind

_JAVA_OLDEST = 17  # Spark 4 is compiled for it
_JAVA_REMEDY = (
    f"install Java {_JAVA_OLDEST} or newer (apt-get install openjdk-17-jre-headless), "
    "or set JAVA_HOME to where it is"
)
_ASK_LIMIT_S = 20.0  # 0.1 s where nothing else runs


def _environment(_: str) -> dict[str, str]:
    # Without the first the JVM asks what the host's name resolves to, and warns of the answer;
    # the second keeps out of the log what Spark has to say on a pandas that is not used here;
    # the last keeps a user's modules in the present folder from standing before ours.
    return {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONWARNINGS": "ignore::FutureWarning",
        "PYTHONSAFEPATH": "1",
    }


def _missing() -> str:
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: run `make setup`"
    return _java_missing()


def _java_missing() -> str:
    """Say what is wrong with Java as Spark's start script would find it; empty if nothing."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    if shutil.which(java) is None:
        where = f"no {java}, as JAVA_HOME says" if home else "no java on the PATH"
        return f"Java is missing ({where}): {_JAVA_REMEDY}"
    try:
        told = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=_ASK_LIMIT_S, check=False
        ).stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"Java does not answer ({java}: {error}): {_JAVA_REMEDY}"
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    if found is None:
        return f"{java} is no Java ({told.strip()[:80]!r}): {_JAVA_REMEDY}"
    if int(found[1]) < _JAVA_OLDEST:
        return f"Java {found[1]} is too old for Spark: {_JAVA_REMEDY}"
    return ""


SPARK = HostKind(
    "spark", "optimize.engines.spark_host", _environment, _missing, {"java": "Spark's JVM"}
)
"""Spark as tasks: a job of one partition for each group of blocks."""
