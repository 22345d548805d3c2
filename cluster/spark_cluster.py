"""Keeps a standalone Spark on loopback: a master, and one worker process of so many cores.

The only file of this package that looks at pyspark, for its jars; nothing of it is imported.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cluster.cluster_state import ClusterFolder
from cluster.detached import LOOPBACK, free_port
from cluster.keeper import run_keeper

_EXEC_CHILD = str(Path(__file__).with_name("exec_child.py"))
_NOISE = ("SPARK_", "PYSPARK_", "_SPARK_", "HADOOP_")
_UP_POLLS = 300  # of 0.2 s; 3 s where nothing else runs
_POLL_S = 0.2
_ANSWER_S = 5.0
_REPLACE_POLLS = 20  # of the keeper's 0.25 s: a worker that cannot live is tried each 5 s
_END_S = 2.0
# An executor is Spark's default of 1 GB; one that comes for another may be there beside it.
_LEAST_MEMORY_GB = 2
# One collector thread: half the start's CPU. The opened packages are those that Spark's own
# start script opens for these classes' network and serialisation.
_JAVA = (
    "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
    "-Dio.netty.tryReflectionSetAccessible=true",
    *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in (
        "java.lang", "java.lang.invoke", "java.net", "java.nio", "java.util",
        "java.util.concurrent", "sun.nio.ch",
    )),
)  # fmt: skip
_LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %m%n
"""
# A proxy set for the web knows nothing of this machine's loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SparkCluster:
    """Spark's daemons as processes of this one's session.

    Parameters
    ----------
    folder
        Where the secret is.
    scratch
        Folder for Spark's files.
    """

    def __init__(self, folder: ClusterFolder, scratch: Path) -> None:
        self._scratch = scratch
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._workers = 0
        self._page = ""
        self._address = ""
        self._missed = 0
        (scratch / "log4j2.properties").write_text(_LOGGING)
        self._properties = scratch / "spark.properties"
        self._properties.touch(mode=0o600)
        # In a file: as an option it would stand on the command line, for all to read.
        self._properties.write_text(
            "spark.authenticate true\n"
            f"spark.authenticate.secret {folder.make_secret()}\n"
            "spark.master.rest.enabled false\n"
            "spark.ui.killEnabled false\n"
            "spark.worker.cleanup.enabled true\n"
        )

    def start(self, port: int, workers: int) -> str:
        """Start master and worker; both are up when the master says so.

        Raises
        ------
        RuntimeError
            One of them ends, or says nothing for a minute.
        """
        page = free_port(0)
        self._workers, self._page = workers, f"http://{LOOPBACK}:{page}/json/"
        self._address = f"spark://{LOOPBACK}:{port}"
        self._start("master", "-h", LOOPBACK, "-p", str(port), "--webui-port", str(page))
        self._await("status", "ALIVE")
        self._start_worker()
        self._await("aliveworkers", 1)
        return self._address

    def tend(self, workers: int) -> tuple[int, str]:
        """Replace a worker process that died.

        Raises
        ------
        RuntimeError
            The master has died.
        """
        if self._daemons["master"].poll() is not None:
            raise RuntimeError("Spark's master has died")
        if self._daemons["worker"].poll() is None:
            self._missed = 0
        elif self._missed % _REPLACE_POLLS == 0:
            self._missed = 1
            self._start_worker()
            return self._workers, ""
        else:
            self._missed += 1
            return 0, "the worker process has died and is started again"
        if workers != self._workers:
            return self._workers, f"a worker process of Spark keeps its {self._workers} cores"
        return self._workers, ""

    def stop(self) -> None:
        """End the worker, which ends its executors, then the master."""
        for name in ("worker", "master"):
            if (daemon := self._daemons.get(name)) is not None:
                daemon.terminate()
                daemon.wait(_END_S)

    def _start_worker(self) -> None:
        memory = f"{max(self._workers, _LEAST_MEMORY_GB)}g"
        options = ("-h", LOOPBACK, "-c", str(self._workers), "-m", memory, "--webui-port", "0")
        self._start("worker", *options, "-d", str(self._scratch / "work"), self._address)

    def _start(self, name: str, *options: str) -> None:
        home = _home()
        java = Path(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOISE)
        } | {
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": LOOPBACK,
            "SPARK_LOCAL_DIRS": str(self._scratch / "local"),
            "SPARK_SCALA_VERSION": "2.13",
            "TMPDIR": str(self._scratch),
        }
        # The kernel ends it with this process, whatever becomes of that.
        argv = [sys.executable, "-S", "-E", _EXEC_CHILD, str(os.getpid())]
        argv += [str(int(signal.SIGKILL)), str(java), *_JAVA]
        argv += [f"-Djava.io.tmpdir={self._scratch}"]
        argv += [f"-Dlog4j2.configurationFile=file:{self._scratch / 'log4j2.properties'}"]
        argv += ["-cp", f"{home / 'jars'}/*", f"org.apache.spark.deploy.{name}.{name.title()}"]
        argv += ["--properties-file", str(self._properties), *options]
        self._daemons[name] = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL)

    def _await(self, key: str, value: Any) -> None:
        for _ in range(_UP_POLLS):
            for name, daemon in self._daemons.items():
                if (code := daemon.poll()) is not None:
                    raise RuntimeError(f"Spark's {name} ended: exit code {code}")
            if self._asked().get(key) == value:
                return
            threading.Event().wait(_POLL_S)
        raise RuntimeError(f"Spark's master does not say {key}={value} after a minute")

    def _asked(self) -> dict[str, Any]:
        try:
            with _DIRECT.open(self._page, timeout=_ANSWER_S) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (urllib.error.URLError, OSError, ValueError):
            return {}


def _home() -> Path:
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise RuntimeError("pyspark is not installed: run `make setup`")
    return Path(found.origin).parent


if __name__ == "__main__":
    sys.exit(run_keeper("spark", SparkCluster))
