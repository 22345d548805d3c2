"""Brings a service up to where a client really talks to it."""

import socket
import threading
from dataclasses import replace
from pathlib import Path

from cluster.cassandra_server import jmx_users_path
from cluster.credentials import make_certificates, make_jmx_user, password
from cluster.jars import Tell, ensure_jars
from cluster.java import find_java
from cluster.kafka_server import BROKER_USER
from cluster.local_service import LocalService
from cluster.process import SpawnError
from cluster.service_layout import ServiceLayout
from cluster.service_state import ServiceState
from silverbullet.service_clients import make_users, probe, write_password

_POLL_S = 0.05
_CONNECT_S = 1.0
# Kafka takes 2 to 5 s, Cassandra 4 to 13, where nothing else runs.
_READY_S, _READY_NODE_S = 120.0, 60.0


def start(service: LocalService, state: ServiceState, cache: Path, tell: Tell) -> bool:
    """Start the servers that do not run and wait until all answer.

    Parameters
    ----------
    state
        What it is to be.
    cache
        Where jars are kept.
    tell
        Takes a line on what is under way.

    Returns
    -------
    bool
        Whether there was one to start.

    Raises
    ------
    JarError, MissingError, SpawnError
        It does not come up; what was started is ended, unless some ran before.
    """
    name, java = service.kind.name, find_java()
    jars = ensure_jars(service.kind.jars, cache, tell)
    ran_before = any(server.lives for server in state.servers)
    if service.check_fit(state):
        tell(f"{service.kind.jars.title} starts")
    done = False
    try:
        started = service.start(state, java, jars, _make_credentials(service, state))
        if started:
            tell(f"{service.kind.jars.title} has started; waiting until {name} answers")
        write_password(service.kind, service.folder.layout(state))
        _await(service, tell)
        if state.secure and not state.users_made:
            _make_users(service)
        done = True
    finally:
        # Refused, too late, or Ctrl-C: nothing half up is left; but nodes that ran before go on.
        if not done and not ran_before:
            service.stop()
    return bool(started)


def _make_credentials(service: LocalService, state: ServiceState) -> str:
    """Make what must be there before a start; give the password of the nodes among themselves."""
    layout = service.folder.layout(state)
    if not state.secure:
        if service.kind.name == "cassandra":
            make_jmx_user(jmx_users_path(layout))
        return ""
    make_certificates(layout)
    return password(layout, BROKER_USER) if service.kind.name == "kafka" else ""


def _make_users(service: LocalService) -> None:
    state = service.state()
    if state is not None:
        try:
            make_users(service.kind, service.folder.layout(state))
        except RuntimeError as error:  # of either client
            raise SpawnError(str(error)) from error
        service.folder.write(replace(state, users_made=True))
        _await(service, lambda _: None)


def _await(service: LocalService, tell: Tell) -> None:
    state = service.state()
    if state is None:
        raise SpawnError("its folder was deleted")
    layout = service.folder.layout(state)
    waiting, reason = list(layout.nodes), "nothing listens"
    limit_s = _READY_S + _READY_NODE_S * layout.n_nodes
    for _ in range(round(limit_s / _POLL_S)):
        service.check()
        if _listens(service, layout, waiting[0]):
            said = reason
            reason = probe(service.kind, layout, waiting[0], users_made=state.users_made)
            if not reason:
                waiting.pop(0)
                if not waiting:
                    return
            elif reason != said:
                tell(f"{service.kind.name}, node {waiting[0]}: {reason}")
        threading.Event().wait(_POLL_S)
    raise SpawnError(f"not ready after {limit_s:.0f} s: node {waiting[0]}: {reason}")


def _listens(service: LocalService, layout: ServiceLayout, node: int) -> bool:
    port = service.kind.ports(layout, node)[0]
    try:
        socket.create_connection((port.host, port.number), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True
