"""What is true between decisions: the record that ``run`` publishes once a second."""

from typing import Literal

import msgspec

from storage.control import ControlState

RunState = Literal["warming_up", "deciding", "stale", "paused"]
AssetPhase = Literal["member", "filling", "stale", "missing_rows"]
EnginePhase = Literal["starting", "ready", "failed", "closed"]


class TickState(msgspec.Struct, frozen=True, kw_only=True):
    """What the tick window of one symbol says; None where it is not defined.

    ``count`` log returns from tick to tick have this ``mean``, ``variance`` (ddof 1),
    ``skewness`` and excess ``kurtosis``. ``slope_mean`` and ``slope_variance`` are of the
    price's change per second, dp/dt of the 2019 prototype.
    """

    count: int
    mean: float | None
    variance: float | None
    skewness: float | None
    kurtosis: float | None
    slope_mean: float | None
    slope_variance: float | None


class AssetState(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol and why it is, or is not, in the universe; no price before its first tick."""

    symbol: str
    state: AssetPhase
    reason: str
    price: float | None
    last_event_time_ns: int
    ticks: TickState | None = None


class WorkerState(msgspec.Struct, frozen=True, kw_only=True):
    """One worker of an engine: what it has done, and its speed while it was at it."""

    name: str
    blocks_done: int
    draws_per_s: float


class SwitchState(msgspec.Struct, frozen=True, kw_only=True):
    """From ``time_ns`` on, UTC, jobs went to engine ``new``; ``cause`` says why."""

    time_ns: int
    old: str
    new: str
    cause: str


class EngineState(msgspec.Struct, frozen=True, kw_only=True):
    """One engine as ``run`` sees it.

    ``job_p50_ms`` and ``job_p99_ms`` are of its newest 100 whole jobs, from the first block sent
    to the last one back; None where it has done none. ``canary_ms`` is the median of its newest
    20 canary blocks, the same small block for every engine; None where none were sent.
    """

    name: str
    state: EnginePhase
    dispatch: str
    workers: int
    reason: str
    blocks_in_flight: int
    blocks_done: int
    restarts: int
    peers: tuple[WorkerState, ...] = ()
    job_p50_ms: float | None = None
    job_p99_ms: float | None = None
    canary_ms: float | None = None


class EngineWish(msgspec.Struct, frozen=True, kw_only=True):
    """The engines that are to decide; ``who`` asked for them, empty where the settings did."""

    order: tuple[str, ...]
    dispatch: str
    workers: int
    who: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one ``run``; times are ns UTC, counts are since its start.

    ``dispatch`` counts switches between engines and results that were refused: of a block that
    was there already, of a job that was over, that nobody asked for, of other bits.
    ``rows_waiting`` rows hold ticks and have not closed: many where a partition says nothing.
    ``controls`` are what admins asked for, the newest 20, oldest first; ``change`` says what is
    coming up for the newest of them. ``switches`` are the newest 20 changes of the engine that
    jobs go to. ``wanted`` are the engines asked for, which ``engines`` are on the way to.
    ``fingerprint`` is of this process: a worker of another takes no blocks, and is named.
    """

    portfolio: str
    time_ns: int
    started_ns: int
    state: RunState
    reason: str
    row: int
    sample_interval_ns: int
    window_rows: int
    rows_filled: int
    method: str
    trigger: str
    last_event_time_ns: int
    last_decision_id: str
    last_decision_ns: int
    ticks_read: int
    ticks_used: int
    ticks_late: int
    ticks_duplicate: int
    rejected: dict[str, int]
    last_rejection: str
    lost_offsets: int
    offsets: dict[str, int]
    decisions: int
    decisions_late: int
    decisions_conflated: int
    ticks_per_s: float
    decisions_per_s: float
    memory_bytes: int
    assets: tuple[AssetState, ...]
    engines: tuple[EngineState, ...]
    notices: tuple[str, ...]
    dispatch: dict[str, int] = {}
    rows_waiting: int = 0
    controls: tuple[ControlState, ...] = ()
    change: str = ""
    switches: tuple[SwitchState, ...] = ()
    wanted: EngineWish | None = None
    fingerprint: str = ""


_decoder = msgspec.json.Decoder(Status)


def encode_status(status: Status) -> bytes:
    """Write a status as JSON."""
    return msgspec.json.encode(status)


def decode_status(payload: bytes) -> Status:
    """Read a status from JSON.

    Raises
    ------
    msgspec.ValidationError
        A field is missing or of another type.
    msgspec.DecodeError
        The payload is not JSON, or nested without end.
    """
    try:
        return _decoder.decode(payload)
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deep") from None
