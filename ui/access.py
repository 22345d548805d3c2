"""Who may ask and how: not too often, by this server's own names, from no other site."""

import ipaddress
import re

from apiflask import APIFlask
from flask import Response, request

from ui.problems import parameters_problem
from ui.rates import WINDOW_S
from ui.tokens import (
    SAFE_METHODS,
    cookie_name,
    guard,
    identity,
    refuse,
    require,
    too_many,
)

# A page of another site can make its own name point at 127.0.0.1 (DNS rebinding) and would then
# be the same origin; its requests still carry its own name in Host.
_own_host = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
# Of all that is no page: nothing in it runs, whatever a browser takes it for. The page and the
# login have their own, with the digests of their scripts.
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# What a page here never needs, so that nothing put into it could ask a user for it.
_FEATURES = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid",
    "magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_port = re.compile(r":\d{1,5}$", re.ASCII)
# What a browser needs before it can log in, and what a supervisor asks.
OPEN_PATHS = frozenset({"/healthz", "/login"})
# What is not counted: a supervisor must not end a server because others ask it too often.
UNCOUNTED_PATH = "/healthz"


def _is_own(host: str) -> bool:
    """Tell whether a Host names this server; one open to other machines has more names.

    No DNS name but those given is taken: only such can be made to point here by a stranger.
    """
    if _own_host.fullmatch(host):
        return True
    own = guard().host
    name = _port.sub("", host).strip("[]").lower()
    return (
        name == own.lower() or name in guard().names or (not is_loopback(own) and _is_address(name))
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach what listens on a host."""
    if host == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _check_rate() -> None:
    """Count the request for its token, or for its address where it has none that is known."""
    if request.path == UNCOUNTED_PATH:
        return
    here = guard()
    if wait_s := here.rates.wait_s(request.remote_addr or "", here.name_of_token()):
        raise too_many(
            f"more requests in {WINDOW_S} s than this server takes of one client",
            "wait and ask less often, or start the server with a higher serve.requests_per_s",
            wait_s,
        )


def _check_host() -> None:
    host = request.environ.get("HTTP_HOST", "")
    if not _is_own(host):
        raise refuse(
            403,
            f"Host {host!r:.80} is not a name of this machine",
            "open it as http://127.0.0.1 or http://localhost with the server's port; from another "
            "machine use an SSH tunnel, or a name that serve.host or serve.host_names gives",
        )


def _check_site() -> None:
    """Keep other sites' scripts off: they could not read answers, but could use up streams."""
    if request.headers.get("Sec-Fetch-Site") != "cross-site":
        return
    if request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate":
        return
    raise refuse(
        403, "another site's page made this request", "ask from the dashboard or a program"
    )


def _check_origin() -> None:
    """Let nothing be changed but from this server's own page, or by a program with a token.

    A browser names the page's origin with every request that is not GET or HEAD; SameSite
    cookies alone would let in a page of another port of this machine.
    """
    if request.method in SAFE_METHODS:
        return
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    own = f"{request.scheme}://{request.host}"
    foreign = site not in {None, "same-origin"} or (origin is not None and origin != own)
    # A form of login needs no cookie; a program sends a token. Nothing else comes without Origin.
    unnamed = origin is None and site is None and cookie_name() in request.cookies
    if foreign or (unnamed and "Authorization" not in request.headers):
        raise refuse(
            403,
            f"this request came from {origin or site or 'nowhere'!r:.80}, not from {own}",
            "ask from the dashboard itself or from a program with a token; a proxy must pass on "
            "Host and X-Forwarded-Proto",
        )


def _check_reader() -> Response | None:
    """Ask for a token or session wherever the server is open to other machines."""
    if not guard().guards_reads or request.path in OPEN_PATHS:
        return None
    wants_page = request.path == "/" and request.method in {"GET", "HEAD"}
    if wants_page and "Authorization" not in request.headers and identity() is None:
        return Response(status=303, headers={"Location": "/login", "Cache-Control": "no-store"})
    require("read")
    return None


def _check_repeated() -> None:
    """Refuse a parameter given twice, as each has a single value and either may be meant."""
    if request.url_rule is None or not request.path.startswith("/api/"):
        return  # no such route; or the page, the probes and the metrics, which take none
    repeated = {name: values for name, values in request.args.lists() if len(values) > 1}
    if repeated:
        raise parameters_problem(
            {
                name: f"given {len(values)} times ({', '.join(values[:3])}"
                f"{', …' if len(values) > 3 else ''}), takes one value"
                for name, values in repeated.items()
            }
        )


def _secure(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def install_access(app: APIFlask) -> None:
    """Check each request's rate, Host, origin, token and parameters; set the security headers."""
    app.before_request(_check_rate)
    app.before_request(_check_host)
    app.before_request(_check_site)
    app.before_request(_check_origin)
    app.before_request(_check_reader)
    app.before_request(_check_repeated)
    app.after_request(_secure)
