"""Whether an engine may be trusted with blocks: a pure step machine, one an engine."""

from typing import Literal

from optimize.engines.moves import Policy

HealthPhase = Literal["starting", "ready", "failed", "probation"]


class Health:
    """Phases of one engine.

    The first time, an engine is trusted when it comes. Once it failed it must answer canary
    blocks, spread over a hold time that doubles with each relapse, before it is trusted again.
    All times are monotonic ns of the caller's clock.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._was_ready = False
        self._since_ns = 0
        self._relapses = 0
        self._good = 0
        self._next_ns: int | None = None
        self._token: int | None = None
        self.phase: HealthPhase = "starting"
        self.reason = ""
        self.stands_by = False
        """Whether it is not to be started yet: then its absence explains nothing."""

    @property
    def ready(self) -> bool:
        """Whether blocks may be sent."""
        return self.phase == "ready"

    @property
    def hold_ns(self) -> int:
        """Least time between coming back and being trusted."""
        doublings = min(max(0, self._relapses - 1), 32)
        return min(self._policy.hold_ns << doublings, self._policy.longest_hold_ns)

    @property
    def next_ns(self) -> int | None:
        """When `timer` has something to do."""
        return self._next_ns

    def account(self, *, is_coming: bool = False) -> str:
        """Say in plain words why it is not used; empty when it is, or is not to be yet.

        ``is_coming``: one that failed is being started again by now.
        """
        match self.phase:
            case "ready":
                return ""
            case "starting":
                return "" if self.stands_by else "is starting"
            case "failed" if is_coming:
                return f"is starting again after a failure ({self.reason})"
            case "failed":
                return f"failed ({self.reason})"
            case "probation":
                answered = f"{self._good} of {self._policy.canaries}"
                return f"is on probation, {answered} canary blocks answered ({self.reason})"

    def came(self, now_ns: int) -> None:
        """Take note that it takes blocks, for the first time or again."""
        if self.phase == "ready":
            return
        if self._was_ready:
            self._begin_probation(now_ns, now_ns)
        else:
            self._trust(now_ns)

    def gone(self, now_ns: int, reason: str) -> None:
        """Take note that it is lost."""
        self._relapse(now_ns, reason)
        self.phase, self._next_ns, self._token = "failed", None, None

    def distrust(self, now_ns: int, reason: str) -> None:
        """Take note that it is there but does not do its work, or does it wrong."""
        if self.phase in {"ready", "probation"}:
            self._relapse(now_ns, reason)
            self._begin_probation(now_ns, now_ns + self.hold_ns)

    def timer(self, now_ns: int, token: int) -> bool:
        """Tell whether to send a canary now; it is then known by ``token``."""
        if self._next_ns is None or now_ns < self._next_ns:
            return False
        if self._token is not None:
            limit_s = self._policy.canary_limit_ns / 1e9
            self.distrust(now_ns, f"a canary block was not answered for {limit_s:g} s")
            return False
        self._token, self._next_ns = token, now_ns + self._policy.canary_limit_ns
        return True

    def answered(self, now_ns: int, token: int, good: bool, reason: str) -> None:
        """Take the answer to a canary; one to an older canary says nothing."""
        if self.phase != "probation" or token != self._token:
            return
        self._token = None
        if not good:
            self.distrust(now_ns, reason)
            return
        self._good += 1
        if self._good >= self._policy.canaries and now_ns >= self._since_ns + self.hold_ns:
            self._trust(now_ns)
        else:
            # Evenly over the hold: the last canary is sent when it ends.
            gap_ns = self.hold_ns // max(1, self._policy.canaries - 1)
            self._next_ns = max(now_ns, self._since_ns + gap_ns * self._good)

    def _trust(self, now_ns: int) -> None:
        self.phase, self.reason, self._was_ready = "ready", "", True
        self._since_ns, self._next_ns, self._token = now_ns, None, None

    def _relapse(self, now_ns: int, reason: str) -> None:
        if self.phase == "ready":
            good_for_ns = now_ns - self._since_ns
            if good_for_ns >= self._policy.forgive_factor * self.hold_ns:
                self._relapses = 0
        if self._was_ready and self.phase != "failed":
            self._relapses += 1
        self.reason = reason

    def _begin_probation(self, now_ns: int, first_canary_ns: int) -> None:
        self.phase, self._good, self._token = "probation", 0, None
        self._since_ns, self._next_ns = now_ns, first_canary_ns
