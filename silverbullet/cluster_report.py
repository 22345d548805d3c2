"""What `cluster status` shows: a running pipeline's engines and the clusters of ours."""

import json
import signal
import threading
import time
from typing import Any

import click
import msgspec
from rich.console import Console, Group, RenderableType
from rich.table import Table

from silverbullet.options import Refused
from silverbullet.own_cluster_place import ENGINES, count_workers, joining, own_folder
from silverbullet.running_pipeline import broker_address, newest_status
from silverbullet.settings import Settings
from storage.records import EngineState, Status

_INTERVAL_S = 1.0
# `run` says how it is once a second; five of those are missing.
_OLDEST_S = 5.0
_PAGE_WIDTH = 110
Report = dict[str, Any]


def look_around(settings: Settings) -> Report:
    """Give all there is to show of pipeline and clusters, as plain values."""
    status, reason = _pipeline(settings)
    shown = None if status is None else _pipeline_part(status)
    return {"pipeline": shown, "reason": reason, "clusters": _clusters()}


def _pipeline(settings: Settings) -> tuple[Status | None, str]:
    """Give the newest status, or why there is none."""
    portfolio = settings.decide.portfolio
    try:
        broker = broker_address(settings)
    except Refused as error:
        return None, str(error)
    from ingest.broker import BrokerError  # noqa: PLC0415 - the library of a broker that is there

    try:
        status = newest_status(settings, broker)
    except BrokerError as error:
        return None, str(error)
    if status is None:
        return None, f"no pipeline of portfolio {portfolio} has said how it is"
    age_s = time.time() - status.time_ns / 1e9  # noqa: TID251 - age of a record
    if age_s > _OLDEST_S:
        return None, f"the pipeline of portfolio {portfolio} has said nothing for {age_s:.0f} s"
    return status, ""


def _pipeline_part(status: Status) -> Report:
    names = (
        "portfolio",
        "time_ns",
        "state",
        "reason",
        "change",
        "engines",
        "wanted",
        "fingerprint",
    )
    return {name: msgspec.to_builtins(getattr(status, name)) for name in names}


def _clusters() -> list[Report]:
    found = []
    for engine in ENGINES:
        if not own_folder(engine).path.exists():
            continue
        from cluster.detached import look  # noqa: PLC0415 - nothing to look at, nothing to load

        try:
            view = look(own_folder(engine))
        except ValueError as error:
            raise Refused(str(error)) from None
        if view is None:
            continue
        state = view.state
        phase = state.phase if view.alive or state.phase == "ended" else "ended"
        reason = state.reason or state.change
        if phase == "ended":
            reason = (state.reason or "its keeper was killed") + "; `silverbullet cluster down`"
        found.append(
            {
                **joining(state),
                "state": phase,
                "reason": reason,
                "since": view.since.isoformat(timespec="seconds") if view.since else None,
                "pids": list(view.pids),
                "memory_bytes": view.memory_bytes,
            }
        )
    return found


def show(report: Report, as_json: bool) -> None:
    """Print a report."""
    if as_json:
        click.echo(json.dumps(report))
        return
    console = _console()
    if not console.is_terminal:  # a pipe has no width: nothing is to be cut off
        console.width = _PAGE_WIDTH
    console.print(_page(report))


def show_until_stopped(settings: Settings, as_json: bool) -> None:
    """Show it each second, on a terminal in place, until Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    console = _console()
    if as_json or not console.is_terminal:
        while not stop.is_set():
            show(look_around(settings), as_json)
            stop.wait(_INTERVAL_S)
        return
    from rich.live import Live  # noqa: PLC0415

    with Live(_page(look_around(settings)), console=console, auto_refresh=False) as live:
        while not stop.wait(_INTERVAL_S):
            live.update(_page(look_around(settings)), refresh=True)


def _console() -> Console:
    # A reason may hold brackets, which are not meant for the console.
    return Console(markup=False, highlight=False, soft_wrap=True)


def _page(report: Report) -> RenderableType:
    parts: list[RenderableType] = []
    if (pipeline := report["pipeline"]) is None:
        parts.append(f"no pipeline: {report['reason']}")
    else:
        why = f" ({pipeline['reason']})" if pipeline["reason"] else ""
        parts.append(f"portfolio {pipeline['portfolio']}: {pipeline['state']}{why}")
        if wanted := pipeline["wanted"]:
            by = f", asked for by {wanted['who']}" if wanted["who"] else ", as its settings say"
            order, workers = ", ".join(wanted["order"]), count_workers(wanted["workers"])
            parts.append(f"wanted: {order} ({wanted['dispatch']}, {workers}){by}")
        if pipeline["fingerprint"]:
            parts.append(f"fingerprint {pipeline['fingerprint']}: all workers below have it")
        if pipeline["change"]:
            parts.append(f"coming up: {pipeline['change']}")
        engines = msgspec.convert(pipeline["engines"], list[EngineState])
        parts.append(_engine_table(engines))
        # Beside the figures a reason would leave no room for them.
        parts += [f"{engine.name}: {engine.reason}" for engine in engines if engine.reason]
    parts += [_cluster_lines(found) for found in report["clusters"]]
    if not report["clusters"]:
        parts.append("no cluster of ours is up (`silverbullet cluster up --engine ray|spark`)")
    return Group(*parts)


def _engine_table(engines: list[EngineState]) -> Table:
    table = Table(
        "engine", "dispatch", "state", "workers", "draws/s", "in flight", "done", "restarts",
        "job p50 ms", "p99 ms", "same block", box=None, pad_edge=False,
    )  # fmt: skip
    for engine in engines:
        rate = sum(worker.draws_per_s for worker in engine.peers)
        table.add_row(
            engine.name, engine.dispatch, engine.state, str(engine.workers), _figure(rate),
            str(engine.blocks_in_flight), str(engine.blocks_done), str(engine.restarts),
            _figure(engine.job_p50_ms), _figure(engine.job_p99_ms), _figure(engine.canary_ms),
        )  # fmt: skip
        for worker in engine.peers:
            table.add_row(
                f"  {worker.name}", "", "", "", _figure(worker.draws_per_s), "",
                str(worker.blocks_done), "", "", "", "",
            )  # fmt: skip
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.3g}" if value < 1e3 else f"{value:,.0f}"


def _cluster_lines(found: Report) -> str:
    pids = ", ".join(map(str, found["pids"]))
    return (
        f"{found['engine']} cluster: {found['state']}"
        + (f" since {found['since']}" if found["since"] else "")
        + (f" ({found['reason']})" if found["reason"] else "")
        + f"\n  {found['address'] or 'no address yet'}, {count_workers(found['workers'])}, "
        f"{found['memory_bytes'] / 2**20:.0f} MiB, pids {pids or 'none'}"
        + (
            f"\n  {found['shell']}; silverbullet run --engine {found['engine']} {found['options']}"
            if found["state"] == "up"
            else ""
        )
    )
