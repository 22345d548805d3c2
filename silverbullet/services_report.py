"""What `services status` shows: servers, where they listen, and whether they answer."""

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cluster.local_service import ServerView
from cluster.service_layout import ServiceLayout
from cluster.service_place import services_command
from silverbullet.own_services import open_service, settings_path, told_in_one_line
from silverbullet.service_clients import as_options, client_settings, probe

Report = dict[str, Any]


def look_at(name: str, folder: Path, now: datetime) -> Report | None:
    """Give all there is to show of a service, as plain values; None where it has never been up.

    Raises
    ------
    Refused
        Its file is of another version.
    """
    service = open_service(name, folder)
    with told_in_one_line(name):
        state, views = service.state(), service.look()
    if state is None:
        return None
    layout = service.folder.layout(state)
    healths = {
        view.node: probe(service.kind, layout, view.node, users_made=state.users_made)
        for view in views
        if view.pid is not None
    }
    servers = [_server(layout, view, healths.get(view.node), now) for view in views]
    return {
        "service": name,
        "version": state.version,
        "state": _state(servers, bool(state.servers)),
        "secure": state.secure,
        "folder": str(service.folder.path),
        "address": ",".join(service.kind.ports(layout, node)[0].address for node in layout.nodes),
        "options": as_options(client_settings(service.kind, layout)),
        "config": str(settings_path(service.folder.path.parent)),
        "servers": servers,
    }


def show(reports: list[Report], as_json: bool) -> None:
    """Print reports."""
    if as_json:
        click.echo(json.dumps({"services": reports}))
        return
    for report in reports:
        click.echo(f"{report['service']} {report['version']}: {report['state']}")
        if report["state"] == "down":
            click.echo(f"  its data are in {report['folder']}: {_up(report)}")
            continue
        for server in report["servers"]:
            click.echo(f"  node {server['node']}: {_line(server)}")
        if report["state"] != "up":
            click.echo(f"  mend it: {_up(report)}")
    if any(report["state"] == "up" for report in reports):
        config = shlex.quote(reports[0]["config"])
        click.echo(f"use it: silverbullet run --config {config}")
        click.echo("  simulate, record and serve take the same; without the file:")
        for report in reports:
            click.echo(f"  {report['options']}")


def _up(report: Report) -> str:
    return services_command(Path(report["folder"]).parent, "up", report["service"])


def _server(layout: ServiceLayout, view: ServerView, trouble: str | None, now: datetime) -> Report:
    return {
        "node": view.node,
        "pid": view.pid,
        "ports": {port.use: port.address for port in view.ports},
        "memory_bytes": view.memory_bytes,
        "since": view.since.isoformat(timespec="seconds") if view.since else None,
        "uptime_s": round((now - view.since).total_seconds(), 1) if view.since else None,
        "health": "ended" if trouble is None else trouble or "answers",
        "reason": view.reason,
        "log": str(layout.log_path(view.node)),
    }


def _state(servers: list[Report], started: bool) -> str:
    if not started:
        return "down"
    if all(server["health"] == "answers" for server in servers):
        return "up"
    return "ended" if all(server["pid"] is None for server in servers) else "in trouble"


def _line(server: Report) -> str:
    if server["pid"] is None:
        return f"ended: {server['reason']} (log: {server['log']})"
    ports = ", ".join(f"{use} {address}" for use, address in server["ports"].items())
    return (
        f"{server['health']}, pid {server['pid']}, up {server['uptime_s']:.0f} s, "
        f"{server['memory_bytes'] / 2**20:.0f} MiB; {ports}"
    )


def utc_now() -> datetime:
    """Give the time of day."""
    return datetime.now(UTC)
