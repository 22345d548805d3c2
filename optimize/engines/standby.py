"""When an engine that stands behind others is started: a pure decision."""

from collections.abc import Sequence

from optimize.engines.protocol import Engine

# Ray comes up within 3 to 15 s and is back 8 to 13 s after its end, so that a shorter time would
# start Spark beside a Ray that only begins. Started with Ray from the beginning, it would hold
# 0.7 GB for nothing and take the processors for 8 s just when Ray and the first decisions need
# them; and `local` decides meanwhile either way.
AFTER_NS = 20_000_000_000


class Standby:
    """Says whether an engine is wanted yet: once none before it was ready for 20 s.

    At once where all before it are out for good (not installed, say). An engine that was wanted
    stays: what broke once may break again.

    Parameters
    ----------
    before
        The engines with a host that are preferred to it; none: it is wanted from the start.
    """

    def __init__(self, before: Sequence[Engine], after_ns: int = AFTER_NS) -> None:
        self._before = before
        self._after_ns = after_ns
        self._out_since_ns: int | None = None
        self._wanted = not before

    def waits(self, now_ns: int) -> str:
        """Say what it waits for, in plain words; empty once it is wanted."""
        if self._wanted:
            return ""
        phases = {engine.ready().phase for engine in self._before}
        if "ready" in phases:
            self._out_since_ns = None
        elif self._out_since_ns is None:
            self._out_since_ns = now_ns
        out = self._out_since_ns is not None and now_ns - self._out_since_ns >= self._after_ns
        self._wanted = out or phases == {"failed"}
        names = " and ".join(engine.name for engine in self._before)
        limit = f"{self._after_ns / 1e9:g} s"
        return "" if self._wanted else f"stands by: it starts when {names} is out for {limit}"
