"""Finds out at once whether a cluster is there: Ray and Spark themselves try for a minute."""

import socket
from collections.abc import Sequence

_ANSWER_S = 3.0


def knock(addresses: Sequence[str], remedy: str) -> None:
    """Connect to one of a cluster's addresses, and leave again.

    Parameters
    ----------
    addresses
        ``host:port`` each.
    remedy
        What helps where none answers.

    Raises
    ------
    ConnectionError
        None answers.
    ValueError
        One is no address.
    """
    told = ""
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"address {address!r}: must be host:port; {remedy}")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
        except OSError as error:
            told = str(error)
        else:
            return
    raise ConnectionError(f"{', '.join(addresses)} does not answer ({told}): {remedy}")
