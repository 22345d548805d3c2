"""The gunicorn side: one worker of threads that ends at once with its streams open."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from apiflask import APIFlask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from ui.context import EXTENSION

# Threads beyond the streams: the page's own requests, the API, a scrape.
_SPARE_THREADS = 8
# What requests under way get; beyond it are only connections that say or take nothing.
_GRACE_S = 0.5
# A request has to come whole within these: as many threads as there are would wait for halves.
# An answer to a body has them too; of those the slowest waits 5 s for a broker.
_RECEIVE_S = 10.0


_BODY_HEADERS = frozenset({"CONTENT-LENGTH", "TRANSFER-ENCODING"})


class StreamWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Ends its event streams on every way out, which otherwise would never end.

    And cuts off who sends a request too slowly, which gunicorn's threads wait for without end.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._due_s: dict[Any, float] = {}

    def handle(self, conn: Any) -> Any:
        """Receive and answer a request, on one of the threads."""
        self._due_s[conn] = time.monotonic() + _RECEIVE_S
        try:
            return super().handle(conn)
        finally:
            self._due_s.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request, for as long as it takes unless a body is still to come."""
        if not any(name in _BODY_HEADERS for name, _ in req.headers):
            self._due_s.pop(conn, None)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Close connections that are overdue; the loop calls it about once a second."""
        super().murder_pending()
        now_s = time.monotonic()
        for conn, due_s in list(self._due_s.items()):
            if now_s > due_s:
                with contextlib.suppress(OSError):  # its client may have gone meanwhile
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        """Serve until told to end; does not return, nor wait for threads stuck on a client."""
        super().run()
        os._exit(0)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End streams, and close the connections that browsers keep open for later."""
        if not self.alive:
            return
        super().handle_exit(sig, frame)
        self._end_streams()
        for connection in (*self.keepalived_conns, *self.pending_conns):
            connection.timeout = 0.0

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Ctrl-C ends it in the same way."""
        self.handle_exit(sig, frame)

    def is_parent_alive(self) -> bool:
        """End streams too when the master was killed."""
        alive = bool(super().is_parent_alive())
        if not alive:
            self._end_streams()
        return alive

    def _end_streams(self) -> None:
        application = getattr(self, "wsgi", None)  # none yet while it still loads
        if application is not None:
            application.extensions[EXTENSION].hub.close()
        timer = threading.Timer(_GRACE_S, os._exit, (0,))
        timer.daemon = True
        timer.start()


class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Serves what `load_app` makes (in the worker) on a listening socket."""

    def __init__(
        self,
        load_app: Callable[[], APIFlask],
        *,
        listener_fd: int,
        streams: int,
        when_ready: Callable[[], None],
    ) -> None:
        self._load_app = load_app
        self._options = {
            "bind": f"fd://{listener_fd}",
            "workers": 1,
            "worker_class": StreamWorker,
            "threads": streams + _SPARE_THREADS,
            "graceful_timeout": 2,  # the master kills a worker that hangs after these seconds
            "keepalive": 5,
            "control_socket_disable": True,
            "loglevel": "warning",
            "when_ready": lambda _server: when_ready(),
        }
        super().__init__()

    def load_config(self) -> None:
        """Set the options; no file and no environment variable is read."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> APIFlask:
        """Make the application, in the worker."""
        return self._load_app()
