"""The page's login: a token becomes a session cookie that scripts cannot read."""

import base64
import hashlib

from apiflask import APIBlueprint
from flask import Response, request

from ui.problems import ProblemError
from ui.tokens import cookie_name, guard, log, too_many, unauthorised

login = APIBlueprint("login", __name__, enable_openapi=False)
_BODY_LIMIT = 4 * 1024

# The fragment never leaves the browser; it is off the address bar and out of the history before
# anything is sent.
_SCRIPT = """
const token = new URLSearchParams(location.hash.slice(1)).get('token');
history.replaceState(null, '', location.pathname);
async function send(value) {
  const answer = await fetch('/login', { method: 'POST', body: JSON.stringify({ token: value }),
    headers: { 'Content-Type': 'application/json' } });
  if (answer.ok) { location.replace('/'); return; }
  const said = document.getElementById('said');
  said.textContent = (await answer.json()).detail;
}
const form = document.forms[0];
form.addEventListener('submit', (event) => { event.preventDefault(); send(form.token.value); });
if (token) send(token);
"""
_STYLE = """
:root { color-scheme: dark light; font: 15px system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 90vh; margin: 0; }
form { display: grid; gap: 0.7rem; width: min(24rem, 90vw); }
h1 { font-size: 1.3rem; margin: 0; }
input, button { font: inherit; padding: 0.5rem; }
#said { min-height: 1.4em; margin: 0; }
"""
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>SilverBullet: log in</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{style}</style></head>
<body><form method="post" action="/login">
<h1>SilverBullet</h1>
<label for="token">API token (<code>silverbullet token create --scope admin NAME</code>)</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
<p id="said" role="status">{said}</p>
</form><script>{script}</script></body></html>"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_POLICY = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def _page(status: int, said: str) -> Response:
    """Send the form; ``said`` is text of ours."""
    text = _PAGE.format(style=_STYLE, script=_SCRIPT, said=said)
    response = Response(text, status, content_type="text/html; charset=utf-8")
    response.headers.update(
        {
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-store",
            # With no-referrer, the default here, a browser posts the form with `Origin: null`.
            "Referrer-Policy": "same-origin",
        }
    )
    return response


def _with_session(response: Response, session_id: str) -> Response:
    response.set_cookie(
        cookie_name(),
        session_id,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _presented() -> str:
    request.max_content_length = _BODY_LIMIT
    if not request.is_json:
        return request.form.get("token", "")
    body = request.get_json()
    token = body.get("token") if isinstance(body, dict) else None
    return token if isinstance(token, str) else ""


@login.get("/login")
def form() -> Response:
    """Give the form; needs no other address, nor scripts."""
    return _page(200, "")


@login.post("/login")
def begin() -> Response:
    """Begin a session: 204 to a script, to a form the page, or the form again.

    Raises
    ------
    ProblemError
        401: the token is not known; 429: too many were not, or too many logins.
    """
    here, secret = guard(), _presented().strip()
    try:
        if wait_s := here.rates.login_wait_s(request.remote_addr or ""):
            raise too_many("too many logins", "wait and log in again", wait_s)
        if not secret:
            raise unauthorised("no token was sent", "admin", presented=False)
        token = here.recognise(secret)
    except ProblemError as error:
        if request.is_json:
            raise
        response = _page(error.status, error.detail)
        response.headers.update(error.headers)
        return response
    log.info("token %s logged in from %s", token.name, request.remote_addr)
    response = Response(status=204) if request.is_json else Response(status=303)
    if not request.is_json:
        response.headers["Location"] = "/"
    return _with_session(response, here.sessions.begin(token.digest))


@login.post("/logout")
def end() -> Response:
    """End the session."""
    session_id = request.cookies.get(cookie_name())
    if session_id:
        guard().sessions.end(session_id)
    response = Response(status=204) if request.is_json else Response(status=303)
    if not request.is_json:
        response.headers["Location"] = "/login"
    response.delete_cookie(
        cookie_name(), path="/", httponly=True, samesite="Strict", secure=request.is_secure
    )
    response.headers["Cache-Control"] = "no-store"
    return response
