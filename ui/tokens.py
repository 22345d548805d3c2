"""Who asks: a bearer token or the page's session cookie, and what it may do."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

from flask import Flask, current_app, g, request
from werkzeug.datastructures import WWWAuthenticate

from storage.tokens import Scope, Token, TokenError, TokenFile
from ui.problems import ProblemError
from ui.rates import Rates
from ui.sessions import Failures, Sessions

log = logging.getLogger("silverbullet.serve")

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing."""
_EXTENSION = "silverbullet_guard"
_COOKIE = "silverbullet_session"
_REALM = "silverbullet"
_MAKE_ONE = "make a token with `silverbullet token create --scope {scope} NAME`, then send it "
_HOW = "as `Authorization: Bearer TOKEN` or log in at /login"


class Identity(NamedTuple):
    """Who asks."""

    name: str
    scope: Scope
    digest: str
    via: Literal["token", "session"]


class Guard:
    """Knows the tokens, the sessions and whether reading needs either.

    Parameters
    ----------
    path
        File of tokens; None: there are none.
    now_ns
        Clock.
    guards_reads
        Whether everything but `/healthz` and `/login` needs a token.
    host
        The address that is listened on: a name by which this server may be asked.
    names
        Further names, lower case, by which a proxy passes requests on.
    rates
        Counts what each client asks.
    """

    def __init__(
        self,
        path: Path | None,
        now_ns: Callable[[], int],
        *,
        guards_reads: bool,
        host: str,
        names: frozenset[str],
        rates: Rates,
    ) -> None:
        self._tokens = None if path is None else TokenFile(path)
        self.sessions = Sessions(now_ns)
        self._failures = Failures(now_ns)
        self.guards_reads = guards_reads
        self.host = host
        self.names = names
        self.rates = rates

    def recognise(self, secret: str) -> Token:
        """Find a token that was presented.

        Raises
        ------
        ProblemError
            401: it is none; 429: too many of this client were none; 503: the file is damaged.
        """
        address = request.remote_addr or ""
        if wait_s := self._failures.wait_s(address):
            # Not logged one by one: the 20 before it were.
            self.rates.count_refusal("wrong_token")
            raise too_many("too many wrong tokens", "wait and send the right one", wait_s)
        token = self._ask(lambda tokens: tokens.find(secret))
        if token is None:
            self._failures.add(address)
            raise unauthorised("the token is not known here", "admin", presented=True)
        return token

    def token_of_session(self) -> Token | None:
        """Find the token that the session cookie stands for; None where either has ended.

        Raises
        ------
        ProblemError
            503: the file of tokens is damaged.
        """
        session_id = request.cookies.get(cookie_name())
        digest = self.sessions.token_digest(session_id) if session_id else None
        return None if digest is None else self._ask(lambda tokens: tokens.still_holds(digest))

    def name_of_token(self) -> str | None:
        """Name the token of a request; None where it has none, or one that does not hold.

        Only to count requests by: a wrong token is told, counted and logged by `identity`.
        """
        if self._tokens is None:
            return None
        sent = request.authorization
        session_id = request.cookies.get(cookie_name())
        try:
            if "Authorization" in request.headers:
                known = sent is not None and sent.type == "bearer" and sent.token
                token = self._tokens.find(known) if known else None
            else:
                digest = self.sessions.token_digest(session_id) if session_id else None
                token = None if digest is None else self._tokens.still_holds(digest)
        except TokenError:
            return None
        return None if token is None else token.name

    def holds(self, digest: str) -> bool:
        """Tell whether a token has not been revoked meanwhile; of a damaged file none holds."""
        try:
            return self._tokens is not None and self._tokens.still_holds(digest) is not None
        except TokenError:
            return False

    def _ask(self, question: Callable[[TokenFile], Token | None]) -> Token | None:
        if self._tokens is None:
            return None
        try:
            return question(self._tokens)
        except TokenError as error:
            log.error("no token is recognised: %s", error)
            raise ProblemError(
                503, "the file of tokens cannot be used", "the server's log says why"
            ) from None


def install_guard(app: Flask, guard: Guard) -> None:
    """Keep the guard on the application."""
    app.extensions[_EXTENSION] = guard


def guard() -> Guard:
    """Give the guard of the application that answers this request."""
    found = current_app.extensions[_EXTENSION]
    assert isinstance(found, Guard)  # noqa: S101 - narrows the type, set by create_app
    return found


def cookie_name() -> str:
    """Name the cookie by the port: a browser sends cookies of one port to all of a host."""
    port = request.host.rpartition(":")[2]
    return f"{_COOKIE}_{port}" if port.isdecimal() else _COOKIE


def refuse(
    status: int, detail: str, remedy: str, headers: dict[str, object] | None = None
) -> ProblemError:
    """Make a refusal and log it; what was presented stays out of both."""
    # A reader without a token is shown to the login, which would fill the log with each page.
    if request.method not in SAFE_METHODS or "Authorization" in request.headers:
        log.warning(
            "refused %s %.80r from %s with %d: %s",
            request.method, request.path, request.remote_addr, status, detail,
        )  # fmt: skip
    texts = {name: str(value) for name, value in (headers or {}).items()}
    return ProblemError(status, detail, remedy, headers=texts)


def too_many(detail: str, remedy: str, wait_s: int) -> ProblemError:
    """Make a 429, which no log tells: one who asks too often would fill it."""
    return ProblemError(429, detail, remedy, headers={"Retry-After": str(wait_s)})


def unauthorised(detail: str, scope: Scope, *, presented: bool) -> ProblemError:
    """Make a 401 with the challenge of RFC 6750."""
    challenge = WWWAuthenticate("bearer", {"realm": _REALM})
    if presented:
        challenge.parameters["error"] = "invalid_token"
    headers: dict[str, object] = {"WWW-Authenticate": challenge.to_header()}
    return refuse(401, detail, _MAKE_ONE.format(scope=scope) + _HOW, headers)


def identity() -> Identity | None:
    """Say who asks; None where neither a token nor a session was sent.

    Raises
    ------
    ProblemError
        401: what was sent is not known; 429: too often; 503: no telling.
    """
    if "identity" not in g:
        g.identity = _identify(guard())
    found: Identity | None = g.identity
    return found


def _identify(here: Guard) -> Identity | None:
    if "Authorization" in request.headers:
        sent = request.authorization
        if sent is None or sent.type != "bearer" or not sent.token:
            raise unauthorised("Authorization is not `Bearer TOKEN`", "read", presented=True)
        token = here.recognise(sent.token)
        return Identity(token.name, token.scope, token.digest, "token")
    kept = here.token_of_session()
    return None if kept is None else Identity(kept.name, kept.scope, kept.digest, "session")


def require(scope: Scope) -> Identity:
    """Say who asks, who must have this scope; admin includes read.

    Raises
    ------
    ProblemError
        401: nobody known; 403: a token of scope read where admin is needed.
    """
    found = identity()
    if found is None:
        raise unauthorised("this needs a token", scope, presented=False)
    if scope == "admin" and found.scope != "admin":
        challenge = WWWAuthenticate(
            "bearer", {"realm": _REALM, "error": "insufficient_scope", "scope": scope}
        )
        raise refuse(
            403,
            f"token {found.name} has scope read, this needs admin",
            _MAKE_ONE.format(scope=scope) + _HOW,
            {"WWW-Authenticate": challenge.to_header()},
        )
    return found


def while_allowed(frames: Iterator[bytes]) -> Iterator[bytes]:
    """End a stream with the token that it was opened with; at once where reading is open to all.

    A stream says something every 5 s at least, so it outlives its token by no more.
    """
    here = guard()
    asking = identity() if here.guards_reads else None
    return frames if asking is None else _watched(frames, here, asking.digest)


def _watched(frames: Iterator[bytes], here: Guard, digest: str) -> Iterator[bytes]:
    with closing(frames):  # type: ignore[type-var]  # a generator, annotated as what it gives
        for frame in frames:
            if not here.holds(digest):
                return
            yield frame
