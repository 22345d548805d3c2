"""How fast each worker of an engine is, by the blocks that came from it."""

from collections import deque

from optimize.engines.protocol import WorkerView

_NEWEST = 64  # blocks that a rate is of: two decisions of 1024 draws


class WorkerRates:
    """Keeps a short account of each worker.

    A scheduler starts workers anew under other names: those not heard of longest are forgotten
    when there are more than there are workers.
    """

    def __init__(self) -> None:
        self._workers: dict[str, tuple[int, deque[tuple[int, int]]]] = {}

    def note(self, name: str, draws: int, compute_ns: int, capacity: int) -> None:
        """Take a block of ``draws`` that took a worker ``compute_ns``."""
        done, newest = self._workers.pop(name, (0, deque(maxlen=_NEWEST)))
        newest.append((draws, compute_ns))
        self._workers[name] = done + 1, newest
        while len(self._workers) > max(1, capacity):
            del self._workers[next(iter(self._workers))]

    def forget(self, name: str) -> None:
        """Drop a worker that is gone."""
        self._workers.pop(name, None)

    def clear(self) -> None:
        """Drop all."""
        self._workers.clear()

    def views(self) -> tuple[WorkerView, ...]:
        """Describe the workers, by name."""
        return tuple([
            WorkerView(name, done, _rate(newest))
            for name, (done, newest) in sorted(self._workers.items())
        ])  # fmt: skip


def _rate(newest: deque[tuple[int, int]]) -> float:
    draws = sum(count for count, _ in newest)
    took_ns = sum(took for _, took in newest)
    return draws / took_ns * 1e9 if took_ns else 0.0
