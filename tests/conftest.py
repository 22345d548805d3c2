"""Which real parts a test needs, and where the recorded market data is."""

import functools
import importlib.util
import os
import shutil
import signal
from pathlib import Path

import hypothesis
import pytest

from optimize.engines.spark_engine import SPARK
from silverbullet.own_services import missing_for
from tests.again import Again
from tests.services import cassandra_contact, kafka_bootstrap

__all__ = ["cassandra_contact", "kafka_bootstrap"]

MARKET_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# Hypothesis' limit of 0.2 s an example tells of the machine's other work, not of the code.
hypothesis.settings.register_profile("silverbullet", deadline=None)
hypothesis.settings.load_profile("silverbullet")

# Hosts and parts look for modules where Python is installed and here, not where they started:
# the tests' own evaluate functions are here.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, (str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH")))
)

# What nohup, or a shell in its background, has this process ignore its children would ignore too,
# and some tests end those by just that. A handler does not outlive the start of another program.
for _number in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

# Asked once: it runs Java.
_service_lacks = functools.cache(missing_for)

# Marker: whether its part is here, and the remedy where it is not.
_PARTS = {
    "ray": (
        lambda: importlib.util.find_spec("ray") is not None,
        "Ray is missing: run `make setup`",
    ),
    "spark": (
        lambda: not SPARK.missing(),
        "Spark cannot run: " + (SPARK.missing() or "it can"),
    ),
    "kafka": (
        lambda: not _service_lacks("kafka"),
        "Kafka cannot run: " + (_service_lacks("kafka") or "it can"),
    ),
    "cassandra": (
        lambda: not _service_lacks("cassandra"),
        "Cassandra cannot run: " + (_service_lacks("cassandra") or "it can"),
    ),
    "browser": (
        lambda: bool(shutil.which("chromium") and shutil.which("chromedriver")),
        "Chromium is missing: apt-get install chromium chromium-driver",
    ),
    "curl": (
        lambda: shutil.which("curl") is not None,
        "curl is missing: apt-get install curl",
    ),
    "market_data": (
        MARKET_DATA.is_dir,
        "the recorded market data is missing: it belongs in ../shared/data beside the project",
    ),
}


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that hears of all tests
        config.pluginmanager.register(Again(config.rootpath / ".pytest_cache" / "again"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose real part is missing; fail it where every part is required."""
    for marker, (is_here, remedy) in _PARTS.items():
        if item.get_closest_marker(marker) and not is_here():
            if os.environ.get("SILVERBULLET_TEST_REQUIRE_ALL"):
                pytest.fail(remedy, pytrace=False)
            pytest.skip(remedy)


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Give the folder of recorded market data; use with the marker ``market_data``."""
    return MARKET_DATA
