"""The demo as it is without options, on Ray: it ends with nothing left behind, however it ends."""

import signal
from pathlib import Path

import pytest

from tests.integration.commands import until
from tests.integration.demos import DemoUnderWay, alive

pytestmark = [pytest.mark.ray, pytest.mark.long, pytest.mark.timeout(500)]
UP_S = 300.0  # Ray gives up on a busy machine after 60 s, and is started again


@pytest.mark.parametrize(
    ("number", "limit_s"),
    [(signal.SIGINT, 5.0), (signal.SIGKILL, 10.0)],
)
def test_nothing_is_left_of_ray_either(
    number: signal.Signals, limit_s: float, tmp_path: Path
) -> None:
    with DemoUnderWay(tmp_path) as demo:
        # Decisions come from threads before Ray is there.
        demo.await_address()

        def is_ray_deciding() -> bool:
            return bool(demo.answer("decisions/latest")["engine"] == "ray")

        demo.until(is_ray_deciding, "Ray to decide", UP_S)
        decision = demo.answer("decisions/latest")
        assert not decision["degraded"]

        def states() -> dict[str, str]:
            return {e["name"]: e["state"] for e in demo.answer("engines")["engines"]}

        # A status is a second old at most; the first decision by Ray may be younger.
        ready = {"ray": "ready", "local": "ready"}.items()
        demo.until(lambda: ready <= states().items(), "both to be ready")
        # Ray's processes name themselves anew; all are below the demo while it lives.
        family = demo.family()
        assert {"raylet", "gcs_server"} <= {process.name() for process in family}
        took_s = demo.end(number, 30)
        until(lambda: not alive(family), f"{alive(family)} to end", limit_s)
        print(f"{number.name}: it ended in {took_s:.1f} s; {len(family)} processes gone")
        assert took_s < limit_s
