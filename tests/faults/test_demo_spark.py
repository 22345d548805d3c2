"""The demo on Spark: by one word, with nothing left behind, however it ends."""

import json
import signal
from pathlib import Path

import psutil
import pytest

from tests.integration.commands import play_once, until
from tests.integration.demos import DemoUnderWay, alive

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(300)]
UP_S = 200.0


def names(processes: list[psutil.Process]) -> set[str]:
    found = set()
    for process in processes:
        try:
            found.add(process.name())
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.mark.parametrize(
    ("number", "limit_s"),
    [(signal.SIGINT, 5.0), (signal.SIGKILL, 10.0)],
)
@pytest.mark.long
def test_demo_decides_on_spark_and_leaves_nothing(
    number: signal.Signals, limit_s: float, tmp_path: Path
) -> None:
    with DemoUnderWay(tmp_path, "--engine", "spark") as demo:
        demo.await_address()

        def spark_decides_alone() -> bool:
            decision = demo.answer("decisions/latest")
            return bool(decision["engine"] == "spark" and not decision["degraded"])

        demo.until(spark_decides_alone, "Spark to decide", UP_S)

        def states() -> dict[str, str]:
            return {e["name"]: e["state"] for e in demo.answer("engines")["engines"]}

        # A status is a second old at most; the first decision by Spark may be younger.
        demo.until(lambda: states() == {"spark": "ready", "local": "ready"}, "both to be ready")
        family = demo.family()
        assert "java" in names(family)
        took_s = demo.end(number, 30)
        until(lambda: not alive(family), f"{alive(family)} to end", limit_s)
        print(f"{number.name}: it ended in {took_s:.1f} s; {len(family)} processes gone")
        assert took_s < limit_s


def test_the_last_row_of_a_file_is_decided_on_spark_with_the_bits_of_local(tmp_path: Path) -> None:
    prices = tmp_path / "closes.csv"
    days = [f"2021-{month:02d}-{day:02d}" for month in range(1, 5) for day in range(1, 29)]
    lines = [
        f"{day},{100 + (k * 7919) % 13},{50 + (k * 104729) % 7},{10 + (k * 1299709) % 5}"
        for k, day in enumerate(days)
    ]
    prices.write_text("\n".join(["date,BTCUSD,ETHUSD,XRPUSD", *lines]) + "\n")
    said = {
        engine: play_once(tmp_path, "--from", prices, "--engine", engine)["decision"]
        for engine in ("spark", "local")
    }
    assert said["spark"]["engine"] == "spark"
    assert all(peer.startswith("spark-") for peer in said["spark"]["peers"])
    assert not said["spark"]["degraded"]
    for name in ("weights", "digest", "weight_stddev", "sharpe"):
        assert json.dumps(said["spark"][name]) == json.dumps(said["local"][name])
