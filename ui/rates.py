"""How many requests one client may make: counted in this process, which alone serves."""

import ipaddress
import math
import threading
import time
from collections import Counter

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

# A page loads some 60 files at once, so a second by itself says little of a client.
WINDOW_S = 10
# A login makes a session, of which 256 are kept: no client may push all others out.
LOGINS_PER_MINUTE = 30
# Of an IPv6 address the half that a network gives; its hosts choose the rest as they like.
_IPV6_PREFIX = 64


def client_of(address: str) -> str:
    """Give what stands for the client at an address: itself, or an IPv6 network of 64 bits."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4 or found.is_loopback:
        return address
    return str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))


class Rates:
    """Counts requests and logins by client, over a sliding window.

    Parameters
    ----------
    requests_per_s
        Of one client, on average over 10 s; 0: no limit.
    """

    def __init__(self, requests_per_s: float) -> None:
        # Not Flask-Limiter, which is made of this library: it passes over 404 and 405.
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        most = max(1, math.ceil(requests_per_s * WINDOW_S))
        self._requests = RateLimitItemPerSecond(most, WINDOW_S) if requests_per_s else None
        self._logins = RateLimitItemPerMinute(LOGINS_PER_MINUTE)
        self._lock = threading.Lock()
        self.refused: Counter[str] = Counter(address=0, token=0, login=0, wrong_token=0)

    def wait_s(self, address: str, token: str | None) -> int:
        """Count a request, by its token where it has one; give 0, or the seconds to wait.

        Parameters
        ----------
        token
            Name of the token that was recognised.
        """
        if self._requests is None:
            return 0
        kind = "address" if token is None else "token"
        return self._count(self._requests, kind, client_of(address) if token is None else token)

    def login_wait_s(self, address: str) -> int:
        """Count a login; give 0, or the seconds to wait."""
        return self._count(self._logins, "login", client_of(address))

    def count_refusal(self, kind: str) -> None:
        """Take note of a request refused as one too many, for the metrics."""
        with self._lock:
            self.refused[kind] += 1

    def _count(self, item: RateLimitItem, kind: str, client: str) -> int:
        if self._limiter.hit(item, kind, client):
            return 0
        self.count_refusal(kind)
        reset_s = self._limiter.get_window_stats(item, kind, client).reset_time
        return max(1, math.ceil(reset_s - time.time()))
