"""Who may ask and how: by this machine's own names, from no other site, each parameter once."""

import re

from apiflask import APIFlask
from flask import Response, request

from ui.problems import ProblemError, parameters_problem

# A page of another site can make its own name point at 127.0.0.1 (DNS rebinding) and would then
# be the same origin; its requests still carry its own name in Host.
_own_host = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",  # Dash starts itself by an inline script
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_DATA_PATHS = ("/api/", "/healthz", "/readyz", "/metrics")


def _check_host() -> None:
    host = request.environ.get("HTTP_HOST", "")
    if _own_host.fullmatch(host) is None:
        raise ProblemError(
            403,
            f"Host {host!r} is not a name of this machine",
            "open it as http://127.0.0.1 or http://localhost with the server's port; from another "
            "machine use an SSH tunnel",
        )


def _check_site() -> None:
    """Keep other sites' scripts off: they could not read answers, but could use up streams."""
    if request.headers.get("Sec-Fetch-Site") != "cross-site":
        return
    if request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate":
        return
    raise ProblemError(
        403, "another site's page made this request", "ask from the dashboard or a program"
    )


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
    policy = _API_POLICY if request.path.startswith(_DATA_PATHS) else _PAGE_POLICY
    for name, value in (*_HEADERS.items(), ("Content-Security-Policy", policy)):
        response.headers.setdefault(name, value)
    return response


def install_access(app: APIFlask) -> None:
    """Check each request's Host, origin and parameters, and set each answer's security headers."""
    app.before_request(_check_host)
    app.before_request(_check_site)
    app.before_request(_check_repeated)
    app.after_request(_secure)
