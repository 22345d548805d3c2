"""The application and the process that serves it."""

import time
from collections.abc import Callable

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
