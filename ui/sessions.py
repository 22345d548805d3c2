"""Who has logged in with the page, and who failed to: both bounded, both end with the process."""

import hashlib
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable

_AGE_NS = 12 * 3600 * 1_000_000_000  # a working day
_MOST_SESSIONS = 256
_WINDOW_NS = 60 * 1_000_000_000
_MOST_FAILURES = 20
_MOST_ADDRESSES = 1024


def _key(session_id: str) -> str:
    """Look sessions up by a digest, so that the time taken says nothing of an id."""
    return hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()


class Sessions:
    """Random ids, each standing for the token that it was made with.

    Parameters
    ----------
    now_ns
        Clock.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._open: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def begin(self, token_digest: str) -> str:
        """Give a new id; beyond 256 the oldest session ends."""
        session_id = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_key(session_id)] = (token_digest, self._now_ns())
            while len(self._open) > _MOST_SESSIONS:
                self._open.popitem(last=False)
        return session_id

    def token_digest(self, session_id: str) -> str | None:
        """Give the digest of the token that a session was begun with; None where it has ended."""
        key = _key(session_id)
        with self._lock:
            digest, begun_ns = self._open.get(key, ("", 0))
            if digest and self._now_ns() - begun_ns > _AGE_NS:
                del self._open[key]
                return None
        return digest or None

    def end(self, session_id: str) -> None:
        """End a session, if it is there."""
        with self._lock:
            self._open.pop(_key(session_id), None)


class Failures:
    """Counts refused tokens by client address over the last minute.

    Guessing 256 random bits is hopeless at any rate; this keeps a client from filling the log
    and from using up the threads.

    Parameters
    ----------
    now_ns
        Clock.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._times: OrderedDict[str, deque[int]] = OrderedDict()

    def add(self, address: str) -> None:
        """Take note of a refused token."""
        with self._lock:
            times = self._times.setdefault(address, deque(maxlen=_MOST_FAILURES))
            times.append(self._now_ns())
            self._times.move_to_end(address)
            while len(self._times) > _MOST_ADDRESSES:
                self._times.popitem(last=False)

    def wait_s(self, address: str) -> int:
        """Give the seconds until an address may try again, 0: now."""
        with self._lock:
            times = self._times.get(address)
            if times is None or len(times) < _MOST_FAILURES:
                return 0
            left_ns = times[0] + _WINDOW_NS - self._now_ns()
        return max(0, -(-left_ns // 1_000_000_000))
