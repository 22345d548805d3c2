"""`simulate` ahead of the clock, killed and started again: time goes on where it was."""

import signal
import time
from pathlib import Path

import numpy as np

from ingest.broker import EmbeddedBroker
from ingest.codec import decode
from ingest.consumer import TopicConsumer
from tests.integration.commands import Running

SECOND_NS = 1_000_000_000


def prices_by_symbol(messages: list[bytes]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    rows = decode(messages)
    for place, price in zip(rows.name_ids.tolist(), rows.prices.tolist(), strict=True):
        found.setdefault(rows.names[place], []).append(price)
    return found


def test_event_time_goes_on_after_a_restart(tmp_path: Path) -> None:
    arguments = ("simulate", "--speed", 100, "--assets", 3, "--rate", 5)
    with EmbeddedBroker() as broker, TopicConsumer(broker.address, ["ticks"]) as reader:

        def newest_ns() -> int:
            payloads = reader.last("ticks")
            return int(decode(payloads).event_time_ns.max()) if payloads else 0

        settings = {"kafka__bootstrap": broker.address, "window__rows": 20}
        with Running(tmp_path, *arguments, **settings) as run:
            ahead_ns = 300 * SECOND_NS
            run.until(lambda: newest_ns() > time.time_ns() + ahead_ns, "it to run ahead")
            run.end(signal.SIGKILL)
        before_ns = newest_ns()
        before = [value for raw in iter(lambda: reader.poll(0.5), None) for value in raw.values]
        with Running(tmp_path, *arguments, **settings) as run:
            found: list[bytes] = []

            def more() -> bool:
                raw = reader.poll(0.1)
                found.extend(raw.values if raw is not None else [])
                return len(prices_by_symbol(found)) == 3

            run.until(more, "ticks after the restart")
    times = decode(found).event_time_ns
    assert times.min() >= before_ns
    assert times.max() < before_ns + 600 * SECOND_NS
    old, new = prices_by_symbol(before), prices_by_symbol(found)
    assert set(old) == set(new)
    for symbol, prices in old.items():
        # The first tick stands at the last price, bid or ask: no leap between the two runs.
        assert abs(np.log(new[symbol][0] / prices[-1])) < 2e-4
    # While the market itself has gone far from where its seed began.
    assert max(abs(np.log(prices[-1] / prices[0])) for prices in old.values()) > 6e-4
