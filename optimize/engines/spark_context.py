"""A Spark of our own, or one that is joined: the only file that imports pyspark."""

import argparse
import os
import socketserver
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from optimize.engines.essentials import Essentials
from optimize.engines.host_kind import SCHEDULER_FOLDER
from optimize.engines.knock import knock
from optimize.engines.spark_engine import SPARK
from optimize.engines.spark_worker import EVALUATE_VARIABLE

_REMEDY = "start its master, or set engine.spark_master"
# Py4J's connection closes a moment before the JVM counts as ended.
_SETTLE_S = 0.05
_NOISE = ("SPARK_", "PYSPARK_", "_SPARK_", "HADOOP_")
_LOGGING = """\
rootLogger.level = error
# Else the gateway, which counts as a shell, sets the root's level to WARN.
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m %ex{short.message}%n
"""


class Spark:
    """A Spark of our own on loopback, or a cluster that is joined by its master's address.

    Our own is one JVM (`local[N]`), driver and executor in one, and a Python process for each
    worker: those are what evaluates and can die alone. Executors as processes (`local-cluster`,
    or a standalone master and worker beside it) would take 2 JVMs more, 0.7 GB, only to fall
    with the host all the same.

    Parameters
    ----------
    options
        Of the host.
    attempts
        How often a task may lose its worker, less one, before its job fails.
    """

    def __init__(self, options: argparse.Namespace, attempts: int) -> None:
        self.options = options
        self._attempts = attempts
        self._folder: Path = options.folder / SCHEDULER_FOLDER
        self._context: Any = None
        self._base: Any = None
        self._essentials = Essentials(os.getpid(), SPARK.essential)
        # As many jobs at once as the host gives out; each waits for its result on a thread.
        self._threads = ThreadPoolExecutor(2 * options.workers, "job")

    def start(self) -> None:
        """Start or join it, with one partition a worker.

        Raises
        ------
        RuntimeError
            It does not start.
        ConnectionError
            No master answers.
        """
        master = self.options.address
        if master == "local":
            self._clear_environment()
            master = f"local[{self.options.workers},{self._attempts}]"
        elif master.startswith("spark://"):
            knock(master.removeprefix("spark://").split(","), _REMEDY)
        self._make_files()
        # Spark's server for accumulators, unused here, prints a traceback when the JVM ends.
        socketserver.BaseServer.handle_error = lambda *_: None  # type: ignore[method-assign]
        from pyspark import SparkConf, SparkContext  # here: it takes 1 s, the link is to be up

        pairs = {"spark.master": master, **_common(self.options), **self._places()}
        if master.startswith("spark://"):
            pairs |= _cluster(self.options.workers, self._attempts)
        conf = SparkConf(loadDefaults=False).setAll(list(pairs.items()))
        self._context = _call(SparkContext, conf=conf)
        self._essentials.find()
        self._base = self._context.parallelize(range(self.options.workers), self.options.workers)

    def run(
        self, work: Callable[..., list[Any]], partitions: Sequence[int] | None = None
    ) -> "Future[list[Any]]":
        """Start a job on some partitions, or on all."""
        chosen = None if partitions is None else list(partitions)
        return self._threads.submit(self._run_job, work, chosen)

    def broadcast(self, frame: bytes) -> Any:
        """Put bytes where every worker can get them."""
        return self._context.broadcast(frame)

    def lost(self) -> str:
        """Look whether the JVM lives; a cluster that ended our application has stopped it."""
        if died := self._essentials.died():
            return died
        if self.options.address != "local" and self._context._jsc.sc().isStopped():
            return "the cluster has ended this application"
        return ""

    def leave(self) -> None:
        """Leave the cluster."""
        if self._context is not None:
            self._context.stop()

    def _run_job(self, work: Callable[..., list[Any]], chosen: list[int] | None) -> Any:
        try:
            return _call(self._context.runJob, self._base, work, chosen)
        except Exception:
            if died := self._essentials.died(_SETTLE_S):
                raise RuntimeError(died) from None
            raise

    def _make_files(self) -> None:
        for name in ("local", "tmp", "s", "conf"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "conf" / "log4j2.properties").write_text(_LOGGING)
        if secret := _secret():
            # In a file of ours: as a setting it would stand on the JVM's command line.
            defaults = f"spark.authenticate.secret {secret}\n"
            (self._folder / "conf" / "spark-defaults.conf").write_text(defaults)
        os.environ["SPARK_CONF_DIR"] = str(self._folder / "conf")
        os.environ["TMPDIR"] = str(self._folder / "tmp")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

    def _clear_environment(self) -> None:
        """Forget what the user set for another Spark: ours is the package's own."""
        for name in [name for name in os.environ if name.startswith(_NOISE)]:
            del os.environ[name]
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"

    def _places(self) -> Mapping[str, str]:
        """Keep all files in the host's folder, which is deleted with it."""
        return {
            "spark.local.dir": str(self._folder / "local"),
            "spark.python.unix.domain.socket.dir": str(self._folder / "s"),
            "spark.driver.extraJavaOptions": " ".join(
                (
                    # C1 and one collector thread: half the start's CPU, and the JVM only
                    # schedules; shared performance files would lie outside the folder.
                    "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
                    f"-Djava.io.tmpdir={self._folder / 'tmp'}",
                )
            ),
        }  # fmt: skip


def _call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call Spark; what failed in the JVM is told by its own first line, not by Py4J's.

    Raises
    ------
    RuntimeError
        The JVM raised.
    """
    try:
        return function(*arguments, **named)
    except Exception as error:
        if not hasattr(error, "java_exception"):
            raise
        said = str(error).split("\n")[1:2] or [str(error)]
        raise RuntimeError(said[0].lstrip(": ")) from None


def _secret() -> str:
    """Give the secret of the cluster that is joined: from a file, or as Spark itself has it."""
    path = os.environ.get("SPARK_AUTH_SECRET_PATH")
    return Path(path).read_text().strip() if path else os.environ.get("_SPARK_AUTH_SECRET", "")


def _common(options: argparse.Namespace) -> Mapping[str, str]:
    # What is not of the interpreter's own installation: where the project is.
    own = (sys.prefix, sys.base_prefix, sys.exec_prefix)
    project = [path for path in sys.path if path and not path.startswith(own)]
    return {
        "spark.app.name": f"silverbullet-{os.getpid()}",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "512m",  # 450 MiB is the least that Spark starts with
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.eventLog.enabled": "false",
        "spark.authenticate": "true",
        # Workers are reached over sockets in the host's folder instead of ports.
        "spark.python.unix.domain.socket.enabled": "true",
        "spark.python.daemon.module": "optimize.engines.spark_worker",
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(project),
        f"spark.executorEnv.{EVALUATE_VARIABLE}": options.evaluate,
    }


def _cluster(workers: int, attempts: int) -> Mapping[str, str]:
    """Take no more than is ours, and see a lost executor after 10 s instead of 120."""
    return {
        "spark.cores.max": str(workers),
        "spark.task.maxFailures": str(attempts),
        "spark.network.timeout": "10s",
        "spark.network.timeoutInterval": "5s",
        "spark.executor.heartbeatInterval": "2s",
        "spark.python.unix.domain.socket.enabled": "false",  # the folder is this machine's
        "spark.authenticate": str(bool(_secret())).lower(),
    }
