"""Mounts the page at ``/`` of the server's own Flask app.

The server sends the layout, the scripts and the newest decision once; every figure after that is
drawn by the browser (``assets/*.js``) from ``/api/v1/stream``. So a client costs the server one
open stream and nothing a decision.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any, cast

import dash
from flask import Flask, Response, abort, make_response, request

from ui.dashboard.first_content import first_content
from ui.dashboard.layout import page
from ui.dashboard.wiring import connect
from ui.problems import ProblemError

ASSETS = Path(__file__).parent / "assets"

# Before the first paint: the theme from the address, else the system's. Without it a page whose
# address says "light" flashes dark on every load.
_EARLY_THEME = (
    "var t=new URLSearchParams(location.search).get('theme');"
    "document.documentElement.dataset.theme=(t==='light'||t==='dark')?t:"
    "(matchMedia('(prefers-color-scheme: light)').matches?'light':'dark');"
)
_FIRST_PLACE = "<!--first content-->"
_INDEX = f"""<!DOCTYPE html>
<html lang="en">
<head>{{%metas%}}<title>{{%title%}}</title>
<link rel="icon" type="image/svg+xml" href="/assets/favicon.svg">
<script>{_EARLY_THEME}</script>{{%css%}}</head>
<body>{{%app_entry%}}
<noscript><p class="noscript">This page draws itself in the browser: allow scripts, or read
<a href="/api/v1/decisions/latest">the newest decision</a> as JSON.</p></noscript>
{_FIRST_PLACE}<footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer></body>
</html>"""


def _script_hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


class Dashboard(dash.Dash):
    """Dash that owns ``/`` alone, and forbids its page to reach any other host."""

    def index(self, *_args: Any, **kwargs: Any) -> Response:
        """Send the page; any other path is not found rather than a copy of the page.

        Dash answers every path with its page, which would turn a misspelt API route into
        200 and HTML.
        """
        if kwargs.get("path"):
            abort(404)
        index = str(super().index())  # type: ignore[no-untyped-call]  # Dash's is untyped
        response = make_response(index.replace(_FIRST_PLACE, first_content()))
        scripts = " ".join(["'self'", _script_hash(_EARLY_THEME), *self.csp_hashes()])
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response.headers["Cache-Control"] = "no-cache"
        return response


def mount(app: Flask) -> None:
    """Serve the page at ``/`` of an app; everything else at unknown paths stays 404.

    Parameters
    ----------
    app
        The server's app. ``SILVERBULLET_PORTFOLIO`` of its configuration names the portfolio
        that the page shows (``main`` without it).
    """
    dashboard = Dashboard(
        "silverbullet",
        server=cast(Any, app),  # Dash takes an app; its annotation forgets to say so
        assets_folder=str(ASSETS),
        title="SilverBullet",
        update_title="",
        index_string=_INDEX,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "color-scheme", "content": "dark light"},
        ],
        add_log_handler=False,
        suppress_callback_exceptions=True,  # the charts are put in after the layout
    )
    dashboard.layout = page(app.config.get("SILVERBULLET_PORTFOLIO", "main"))
    connect(dashboard)

    def refuse_callbacks() -> None:
        # All run in the browser; Dash answers any other with an error of its own, and a traceback.
        if request.path == "/_dash-update-component":
            raise ProblemError(
                404, "the page has no callbacks on the server", "ask /api/v1/openapi.json"
            )

    app.before_request(refuse_callbacks)
