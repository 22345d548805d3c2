"""API tokens at rest: one file that recognises them and gives none away."""

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import filelock
import msgspec
import psutil

Scope = Literal["read", "admin"]

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z"
_RANDOM_BYTES = 32
_PREFIX = "sb_"  # lets people and scanners of leaked secrets tell what it is
_LONGEST = 128  # of what is presented; ours have 46 characters
_MOST = 100
_MOST_BYTES = 64 * 1024
_LOCK_WAIT_S = 5.0


class TokenError(Exception):
    """The file, a name or their number is not as it must be; says the remedy."""


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a token.

    Attributes
    ----------
    name
        Unique; stands in the log and beside every control that the token sends.
    scope
        ``read`` asks, ``admin`` changes as well.
    created_ns
        ns UTC.
    digest
        SHA-256 in hex. The token holds 256 random bits: a salt or a slow hash would add nothing.
    last4
        Its last four characters, for people to recognise it by.
    process
        ``pid:start time`` of the process that it ends with; empty: it stays until revoked.
    """

    name: Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
    scope: Scope
    created_ns: int
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    last4: Annotated[str, msgspec.Meta(max_length=4)]
    process: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    tokens: tuple[Token, ...] = ()


def _process_mark(pid: int) -> str:
    return f"{pid}:{psutil.Process(pid).create_time():.2f}"


def _holds(token: Token) -> bool:
    """Tell whether the process that a token ends with is still there."""
    if not token.process:
        return True
    try:
        return _process_mark(int(token.process.partition(":")[0])) == token.process
    except (psutil.NoSuchProcess, ValueError):
        return False


class TokenFile:
    """Makes, revokes and recognises tokens; one object serves many threads.

    Parameters
    ----------
    path
        JSON, made with mode 0600; need not be there yet. It is read again when it has changed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._tokens: tuple[Token, ...] = ()

    def tokens(self) -> tuple[Token, ...]:
        """Give the tokens that hold now, in the order of their making.

        Raises
        ------
        TokenError
            The file cannot be read, may be written by others or holds something else.
        """
        with self._lock:
            return tuple(token for token in self._read() if _holds(token))

    def find(self, secret: str) -> Token | None:
        """Recognise a token; the time taken says nothing of what is kept.

        Raises
        ------
        TokenError
            As of `tokens`.
        """
        tokens = self.tokens()
        if len(secret) > _LONGEST:
            return None
        return self._match(_digest(secret), tokens)

    def still_holds(self, digest: str) -> Token | None:
        """Find a token by its digest, to see whether it was revoked.

        Raises
        ------
        TokenError
            As of `tokens`.
        """
        return self._match(digest, self.tokens())

    def create(self, name: str, scope: Scope, now_ns: int, *, pid: int | None = None) -> str:
        """Make a token; this is the only time that it is seen.

        Parameters
        ----------
        pid
            Process that the token ends with, however that ends.

        Raises
        ------
        TokenError
            The name is taken or not of the right form, there are too many, or the file cannot
            be read or written.
        """
        secret = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        fields = {
            "name": name, "scope": scope, "created_ns": now_ns, "digest": _digest(secret),
            "last4": secret[-4:], "process": "" if pid is None else _process_mark(pid),
        }  # fmt: skip
        try:
            token = msgspec.convert(fields, Token)
        except msgspec.ValidationError:
            raise TokenError(
                f"token {name!r}, scope {scope!r}: a name has up to 32 letters, digits, '.', '_' "
                "and '-', and begins with a letter or digit; a scope is read or admin"
            ) from None
        with self._changing() as tokens:
            if any(kept.name == name for kept in tokens):
                raise TokenError(
                    f"token {name}: there is one; revoke it first or take another name"
                )
            if len(tokens) >= _MOST:
                raise TokenError(f"{self.path}: holds {_MOST} tokens, the most; revoke one first")
            tokens.append(token)
        return secret

    def revoke(self, name: str) -> None:
        """End a token; running servers refuse it from their next request on.

        Raises
        ------
        TokenError
            There is none of that name, or the file cannot be read or written.
        """
        with self._changing() as tokens:
            left = [token for token in tokens if token.name != name]
            if len(left) == len(tokens):
                names = ", ".join(token.name for token in tokens) or "none"
                raise TokenError(f"token {name}: there is none of that name (there are: {names})")
            tokens[:] = left

    @staticmethod
    def _match(digest: str, tokens: tuple[Token, ...]) -> Token | None:
        found = None
        for token in tokens:  # all of them: which one it is does not show in the time
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    def _read(self) -> tuple[Token, ...]:
        try:
            with self.path.open("rb") as file:
                stat = os.fstat(file.fileno())
                mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if stat.st_mode & 0o022:
                    raise TokenError(f"{self.path}: others may write it: chmod 600 {self.path}")
                if mark != self._seen:
                    self._tokens = self._decode(file.read(_MOST_BYTES + 1))
                    self._seen = mark
        except FileNotFoundError:
            self._seen, self._tokens = None, ()
        except OSError as error:
            raise TokenError(f"{self.path}: {error.strerror}; no token is recognised") from None
        return self._tokens

    def _decode(self, data: bytes) -> tuple[Token, ...]:
        if len(data) > _MOST_BYTES:
            raise TokenError(f"{self.path}: over {_MOST_BYTES} bytes, so no file of tokens")
        try:
            return msgspec.json.decode(data, type=_File).tokens
        except msgspec.DecodeError as error:
            raise TokenError(
                f"{self.path}: is no file of tokens ({error}); remove it and make new tokens"
            ) from None

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        """Give the tokens to change; writes them back, alone among processes."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = filelock.FileLock(f"{self.path}.lock", timeout=_LOCK_WAIT_S)
            with lock:
                tokens = list(self.tokens())
                yield tokens
                self._write(_File(tokens=tuple(tokens)))
        except filelock.Timeout:
            raise TokenError(f"{self.path}.lock: held for over {_LOCK_WAIT_S:g} s") from None
        except OSError as error:
            raise TokenError(f"{self.path}: {error.strerror}; tokens are kept there") from None

    def _write(self, content: _File) -> None:
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "wb") as file:  # mkstemp's mode is 0600
                file.write(msgspec.json.format(msgspec.json.encode(content)))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
