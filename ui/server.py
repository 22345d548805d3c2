"""The application and the process that serves it."""

import errno
import functools
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from apiflask import APIFlask

from storage.protocol import Store
from storage.tokens import TokenError, TokenFile
from ui.access import install_access, is_loopback
from ui.api import api
from ui.assets import assets
from ui.context import EXTENSION, Context
from ui.control import SendControl, install_control
from ui.login import login
from ui.metrics import install_metrics
from ui.openapi import install_openapi
from ui.probes import probes
from ui.problems import OPENAPI_PATH, install_problems
from ui.prototype import prototype
from ui.rates import Rates
from ui.stream import StreamHub
from ui.tokens import Guard, install_guard

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
    tokens: Path | None = None,
    reads_need_token: bool = False,
    host: str = "127.0.0.1",
    host_names: Sequence[str] = (),
    requests_per_s: float = 0.0,
    send_control: SendControl | None = None,
) -> APIFlask:
    """Make the application: the API, control, the stream, the probes and the dashboard at ``/``.

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
    tokens
        File of tokens; without one nothing can be changed.
    reads_need_token
        Ask for a token on every route but ``/healthz`` and ``/login``; so it is in any case where
        ``host`` is not a loopback address or ``host_names`` has one that is not.
    host
        What is listened on.
    host_names
        Further names to be asked by, of a proxy before this server.
    requests_per_s
        Most requests of one client, on average over 10 s; 0: no limit.
    send_control
        Sends a control to the pipeline; raises `ui.control.ControlUnavailableError`.
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
    guarded = reads_need_token or not all(map(is_loopback, (host, *host_names)))
    rates, names = Rates(requests_per_s), frozenset(name.lower() for name in host_names)
    install_openapi(app, guarded=guarded)
    install_problems(app)
    install_metrics(app, rates)  # before access: refused requests are counted too
    install_guard(
        app, Guard(tokens, now_ns, guards_reads=guarded, host=host, names=names, rates=rates)
    )
    install_access(app)
    install_control(app, send_control)
    for blueprint in (api, assets, login, probes, prototype):
        app.register_blueprint(blueprint)
    if dashboard:
        from ui.dashboard.page import mount

        mount(app)
    return app


def _address(
    host: str, port: int, tokens: Path | None, host_names: Sequence[str] = ()
) -> tuple[socket.AddressFamily, str]:
    """Find what to listen on; only this machine's own addresses go without a token."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM) if host else []
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise BindError(
            f"host={host}: no such address; take 127.0.0.1, or :: for all of this machine"
        )
    family, _, _, _, (address, *_) = min(found, key=lambda one: one[0])  # IPv4 before IPv6
    address = str(address)
    try:
        # The name too: a loopback name for a wider address would be served without a guard.
        opening = [name for name in (address, host, *host_names) if not is_loopback(name)]
        if opening and (tokens is None or not TokenFile(tokens).tokens()):
            raise BindError(
                f"host={opening[-1]}: other machines could reach it and there is no token: make "
                "one (silverbullet token create --scope admin NAME), or listen on 127.0.0.1 and "
                "use an SSH tunnel (ssh -L)"
            )
    except TokenError as error:
        raise BindError(str(error)) from None
    return family, address


def _listen(host: str, port: int, tokens: Path | None, host_names: Sequence[str]) -> socket.socket:
    family, address = _address(host, port, tokens, host_names)
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
    open_store: Callable[[], Store],
    host: str = "127.0.0.1",
    port: int = 8050,
    streams: int = 32,
    *,
    portfolio: str = "main",
    tokens: Path | None = None,
    reads_need_token: bool = False,
    host_names: Sequence[str] = (),
    requests_per_s: float = 0.0,
    send_control: SendControl | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> int:
    """Serve the store until SIGTERM or Ctrl-C; ends within a second, whatever streams are open.

    Parameters
    ----------
    open_store
        Opens the store to read; called here, and again in the worker process.
    host
        A loopback address; any other where there is a token, which every request then needs.
    port
        0 takes any free one.
    streams
        Most event streams open at a time.
    portfolio
        What is served where a request names none.
    tokens
        File of tokens.
    reads_need_token
        Ask for a token on loopback addresses too.
    host_names
        Further names to be asked by, of a proxy on this machine: as open as a wider ``host``.
    requests_per_s
        Most requests of one client, on average over 10 s; 0: no limit.
    send_control
        Sends a control to the pipeline, from the worker process.
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
        The address cannot be listened on, or is not a loopback one and there is no token.
    StoreError
        The store is there but cannot be read.
    """
    from ui.worker import Application

    open_store().close()  # to fail here rather than in the worker
    listener = _listen(host, port, tokens, host_names)
    name = f"[{host}]" if ":" in host else host.replace("localhost", "127.0.0.1")
    url = f"http://{name}:{listener.getsockname()[1]}"
    make_app = functools.partial(
        create_app,
        streams=streams,
        portfolio=portfolio,
        tokens=tokens,
        reads_need_token=reads_need_token,
        host=host,
        host_names=host_names,
        requests_per_s=requests_per_s,
        send_control=send_control,
    )
    application = Application(
        lambda: make_app(open_store()),
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
