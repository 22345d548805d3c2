"""When a child that ended is started again, and when that is given up: a pure step machine."""

from dataclasses import dataclass

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a restart.

    Attributes
    ----------
    first_ns, longest_ns, factor
        The first wait, and how it grows with each further failure in turn, up to the longest.
    steady_ns
        A run at least this long was a good one: the next failure counts as the first again.
    give_up_after
        Failures in turn after which no restart follows; 0: never give up.
    """

    first_ns: int = _SECOND_NS // 2
    longest_ns: int = 30 * _SECOND_NS
    factor: float = 2.0
    steady_ns: int = 60 * _SECOND_NS
    give_up_after: int = 8

    def delay_ns(self, failures: int) -> int:
        """Give the wait after this many failures in turn, from 1."""
        # The exponent is bounded: 2.0 ** 1024 overflows, and the longest wait is long reached.
        return int(min(self.longest_ns, self.first_ns * self.factor ** min(failures - 1, 64)))


class Supervision:
    """Watches one child: `due` says when to start it, `started` and `ended` what happened.

    All times are monotonic ns of the caller's clock.
    """

    def __init__(self, backoff: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff()
        self._running_since_ns: int | None = None
        self._due_ns: int | None = 0
        self._failures = 0
        self._starts = 0
        self.given_up = ""
        """Why no restart follows; empty while there is one to come."""

    @property
    def restarts(self) -> int:
        """Starts after the first."""
        return max(0, self._starts - 1)

    @property
    def due_ns(self) -> int | None:
        """When the next start is due; None while it runs or when given up."""
        return self._due_ns

    def due(self, now_ns: int) -> bool:
        """Tell whether to start it now."""
        return self._due_ns is not None and now_ns >= self._due_ns

    def started(self, now_ns: int) -> None:
        """Take note that it was started."""
        self._running_since_ns, self._due_ns = now_ns, None
        self._starts += 1

    def ended(self, now_ns: int, reason: str) -> None:
        """Take note that it ended, or could not be started, and plan what follows."""
        since = self._running_since_ns
        if since is not None and now_ns - since >= self._backoff.steady_ns:
            self._failures = 0
        self._running_since_ns = None
        self._failures += 1
        limit = self._backoff.give_up_after
        if limit and self._failures >= limit:
            self._due_ns = None
            self.given_up = f"given up after {self._failures} failures in turn; the last: {reason}"
        else:
            self._due_ns = now_ns + self._backoff.delay_ns(self._failures)

    def give_up(self, reason: str) -> None:
        """Plan no further start: it would end the same way."""
        self._due_ns, self.given_up = None, reason
