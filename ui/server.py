"""The application and the process that serves it."""

import errno
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from apiflask import APIFlask

from storage.protocol import Store
from ui.access import install_access
from ui.api import api
from ui.assets import assets
from ui.context import EXTENSION, Context
from ui.metrics import install_metrics
from ui.openapi import install_openapi
from ui.probes import probes
from ui.problems import OPENAPI_PATH, install_problems
from ui.prototype import prototype
from ui.stream import StreamHub

_LOOPBACK = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1"}
_BACKLOG = 128


class BindError(RuntimeError):
    """The address cannot be listened on; the message says why and the remedy."""


class PortTakenError(BindError):
    """Another process listens on that port."""


def create_app(
    store: Store,
    *,
    streams: int = 32,
    portfolio: str = "main",
    now_ns: Callable[[], int] = time.time_ns,
    heartbeat_s: float = 5.0,
    poll_s: float = 0.1,
    dashboard: bool = True,
) -> APIFlask:
    """Make the application: the API, the stream, the probes and the dashboard at ``/``.

    Parameters
    ----------
    store
        Read by many threads at once.
    streams
        Most event streams open at a time.
    portfolio
        What is served where a request names none.
    now_ns
        Clock, for the age of the status.
    heartbeat_s, poll_s
        Silence after which a stream says that it is alive; time between two looks at the store.
    dashboard
        Whether to mount the page.
    """
    app = APIFlask(
        __name__,
        title="SilverBullet",
        version="1",
        spec_path=OPENAPI_PATH,
        docs_path=None,  # its pages load scripts from other hosts
    )
    app.config["MAX_CONTENT_LENGTH"] = 4 * 1024 * 1024
    app.config["SILVERBULLET_PORTFOLIO"] = portfolio
    app.config["SILVERBULLET_STREAMS"] = streams
    hub = StreamHub(store, limit=streams, heartbeat_s=heartbeat_s, poll_s=poll_s)
    app.extensions[EXTENSION] = Context(store, portfolio, now_ns, hub)
    install_openapi(app)
    install_problems(app)
    install_metrics(app)  # before access: refused requests are counted too
    install_access(app)
    for blueprint in (api, assets, probes, prototype):
        app.register_blueprint(blueprint)
    if dashboard:
        from ui.dashboard.page import mount

        mount(app)
    return app


def _listen(host: str, port: int) -> socket.socket:
    address = _LOOPBACK.get(host)
    if address is None:
        raise BindError(
            f"host={host}: only {', '.join(_LOOPBACK)} until there is authentication; from "
            "another machine use an SSH tunnel (ssh -L)"
        )
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"port {port} on {address} is taken by another process; choose another with "
                "--port, or --port 0 for any free one"
            ) from None
        raise BindError(
            f"cannot listen on port {port} of {address}: {error.strerror}; choose another with "
            "--port, or --port 0 for any free one"
        ) from None
    return listener


def serve(
    store_path: str | Path,
    host: str = "127.0.0.1",
    port: int = 8050,
    streams: int = 32,
    *,
    portfolio: str = "main",
    on_ready: Callable[[str], None] | None = None,
) -> int:
    """Serve the store until SIGTERM or Ctrl-C; ends within a second, whatever streams are open.

    Parameters
    ----------
    store_path
        SQLite file; need not be there yet.
    host
        A loopback address.
    port
        0 takes any free one.
    streams
        Most event streams open at a time.
    portfolio
        What is served where a request names none.
    on_ready
        Called with the real address once it is listened on; what is asked from then on is
        answered as soon as the worker has started, about a second later.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    PortTakenError
        Another process has the port.
    BindError
        The address is not a loopback one, or cannot be listened on.
    StoreError
        The store is there but cannot be read.
    """
    from storage.sqlite import SqliteStore
    from ui.worker import Application

    SqliteStore(store_path, read_only=True).close()  # to fail here rather than in the worker
    listener = _listen(host, port)
    name = f"[{host}]" if ":" in host else _LOOPBACK[host]
    url = f"http://{name}:{listener.getsockname()[1]}"
    application = Application(
        lambda: create_app(
            SqliteStore(store_path, read_only=True), streams=streams, portfolio=portfolio
        ),
        listener_fd=listener.detach(),
        streams=streams,
        when_ready=lambda: on_ready(url) if on_ready is not None else None,
    )
    master = os.getpid()
    try:
        application.run()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 0
        if os.getpid() != master:
            os._exit(code)  # a worker that failed to start must not run its caller's code
        return code
    return 0
