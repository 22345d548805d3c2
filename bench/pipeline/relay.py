"""The fair floor: the same client, drains what is there, sends one message a wake-up.

Run as a process of its own: ``python -m bench.pipeline.relay BROKER TICKS DECISIONS
FETCH_WAIT_MAX_MS``.
"""

import sys

from bench.pipeline.peer_loop import run_peer
from ingest.codec import RawMessages


def decide_nothing(_: RawMessages) -> tuple[float, ...]:
    """Give no weights, whatever has come."""
    return ()


if __name__ == "__main__":
    run_peer(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), decide_nothing)
