"""What is true between decisions, from the decider's counts and what the shell has seen."""

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from optimize.engines.views import EngineView
from silverbullet.decider import Decider
from stats.market import Market
from stats.tick_window import STATISTICS, TickStatistics
from storage.control import ControlState
from storage.records import (
    AssetState,
    EngineState,
    EngineWish,
    RunState,
    Status,
    SwitchState,
    TickState,
    WorkerState,
)

# A market that says nothing this long is called stale at once on the page; at least 5 s,
# so that a row of 100 ms does not flicker.
STALE_AFTER_ROWS = 3
STALE_AFTER_LEAST_NS = 5_000_000_000
_RATE_NS = 5_000_000_000


class Surroundings(NamedTuple):
    """What the shell knows and the decider does not; times in ns UTC."""

    time_ns: int
    started_ns: int
    lost_offsets: int
    offsets: dict[str, int]
    engines: Sequence[EngineView]
    dispatch: dict[str, int]
    memory_bytes: int
    notices: tuple[str, ...]
    controls: tuple[ControlState, ...] = ()
    change: str = ""
    switches: tuple[SwitchState, ...] = ()
    wanted: EngineWish | None = None
    fingerprint: str = ""


class Rates:
    """Ticks and decisions a second, over the last five seconds.

    A decision a second, looked at once a second, is none or two in every other look.
    """

    def __init__(self) -> None:
        self._steps: deque[tuple[int, int, int]] = deque()

    def step(self, time_ns: int, ticks: int, decisions: int) -> tuple[float, float]:
        """Give ticks and decisions a second; 0 at the first step and where the clock went back."""
        steps = self._steps
        if steps and time_ns <= steps[-1][0]:
            steps.clear()
        while len(steps) > 1 and time_ns - steps[1][0] >= _RATE_NS:
            steps.popleft()
        steps.append((time_ns, ticks, decisions))
        if len(steps) == 1:
            return 0.0, 0.0
        begun_ns, ticks_then, decisions_then = steps[0]
        seconds = (time_ns - begun_ns) / 1e9
        return (ticks - ticks_then) / seconds, (decisions - decisions_then) / seconds


def run_state(decider: Decider, time_ns: int) -> tuple[RunState, str]:
    """Tell the state of a run and why, in plain words."""
    market = decider.market
    if decider.paused:
        return "paused", decider.paused
    interval_ns = decider.settings.window.sample_interval_ns
    limit_ns = max(STALE_AFTER_LEAST_NS, STALE_AFTER_ROWS * interval_ns)
    held = _held_back(market, limit_ns)
    if decider.last_decision is None:
        return "warming_up", held or decider.not_ready
    if decider.not_ready:
        return "stale", f"the last decision stands: {decider.not_ready}"
    if held:
        return "stale", f"the last decision stands: {held}"
    silence_ns = time_ns - decider.last_used_receive_ns
    if decider.last_used_receive_ns and silence_ns > limit_ns:
        heard = market.last_receive_time_ns > decider.last_used_receive_ns
        what = "only late ticks" if heard else "no tick"
        return "stale", f"the last decision stands: {what} for {silence_ns / 1e9:.0f} s"
    return "deciding", ""


def _held_back(market: Market, limit_ns: int) -> str:
    """Say which partition of ticks holds rows back, if any."""
    newest = market.newest_times_ns
    if not newest:
        return ""
    slowest = min(market.partitions, key=lambda partition: newest.get(partition, 0))
    if slowest not in newest:
        said = "has said nothing"
    elif (behind_ns := max(newest.values()) - newest[slowest]) > limit_ns:
        said = f"is {behind_ns / 1e9:.0f} s behind the newest"
    else:
        return ""
    return f"rows wait for partition {slowest} of ticks, which {said}: it needs clock messages"


def make_status(decider: Decider, rates: Rates, around: Surroundings) -> Status:
    """Write the status record of this moment."""
    settings, market, counts = decider.settings, decider.market, decider.counts
    state, reason = run_state(decider, around.time_ns)
    last = decider.last_decision
    ticks_per_s, decisions_per_s = rates.step(around.time_ns, counts["read"], counts["decisions"])
    return Status(
        portfolio=settings.decide.portfolio,
        time_ns=around.time_ns,
        started_ns=around.started_ns,
        state=state,
        reason=reason,
        row=-1 if market.last_row is None else market.last_row,
        sample_interval_ns=settings.window.sample_interval_ns,
        window_rows=settings.window.rows,
        rows_filled=market.rows_filled,
        method=settings.optimize.method,
        trigger=settings.decide.trigger,
        last_event_time_ns=market.last_event_time_ns,
        last_decision_id=last.id if last else "",
        last_decision_ns=last.times.published_ns if last else 0,
        ticks_read=counts["read"],
        ticks_used=market.n_used,
        ticks_late=market.n_late,
        ticks_duplicate=counts["duplicate"],
        rejected=dict(decider.rejected),
        last_rejection=decider.last_rejection,
        lost_offsets=around.lost_offsets,
        offsets=around.offsets,
        decisions=counts["decisions"],
        decisions_late=counts["late_decisions"],
        decisions_conflated=counts["conflated"],
        ticks_per_s=ticks_per_s,
        decisions_per_s=decisions_per_s,
        memory_bytes=around.memory_bytes,
        assets=_assets(decider),
        engines=tuple([_engine(view) for view in around.engines]),
        dispatch=around.dispatch,
        notices=around.notices,
        rows_waiting=market.n_waiting,
        controls=around.controls,
        change=around.change,
        switches=around.switches,
        wanted=around.wanted,
        fingerprint=around.fingerprint,
    )


def _engine(view: EngineView) -> EngineState:
    peers = tuple([WorkerState(**peer._asdict()) for peer in view.peers])
    return EngineState(**{**view._asdict(), "peers": peers})


def _tick_states(statistics: TickStatistics) -> list[TickState]:
    columns = dict(zip(STATISTICS, statistics.table.tolist(), strict=True))
    counts = columns.pop("count")
    return [
        TickState(
            count=int(counts[index]),
            **{
                name: column[index] if math.isfinite(column[index]) else None
                for name, column in columns.items()
            },
        )
        for index in range(len(counts))
    ]


def _assets(decider: Decider) -> tuple[AssetState, ...]:
    """Describe every symbol; one that is admitted but not digested yet has no tick window."""
    ticks = _tick_states(decider.market.tick_statistics())
    views = decider.market.assets(decider.symbols)
    return tuple([
        AssetState(
            symbol=view.symbol,
            state=view.state,
            reason=view.reason,
            price=view.price if math.isfinite(view.price) else None,
            last_event_time_ns=view.last_event_time_ns,
            ticks=ticks[index] if index < len(ticks) else None,
        )
        for index, view in enumerate(views)
    ])  # fmt: skip
