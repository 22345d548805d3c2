"""librdkafka's log as Python's: one plain line a cause, not one for each of its tries.

While a broker is down librdkafka tries again every 0.05 to 0.5 s and tells each try: 1200 equal
lines in half a minute were counted. confluent-kafka hands them to the logger of a client's
configuration when the client polls.
"""

import logging
import re
from typing import Final

_QUIET_S: Final = 60.0  # a cause not heard of for so long is news again; tries are 0.5 s apart
_MOST_CAUSES: Final = 256

_LINE: Final = re.compile(r"(?P<fact>\w+) \[[^]]*\] (?:\[thrd:[^]]*\]: )?(?P<text>.*)", re.DOTALL)
_AT: Final = re.compile(r"(?:\w+://)?(?P<address>[^\s/]+:\d+)/(?:\d+|bootstrap): ")
_ROLE: Final = re.compile(r"GroupCoordinator: (?:(?P<address>[^\s/]+:\d+): )?")
_AFTER: Final = re.compile(r" \((?:after )?\d+ms in state \w+.*\)$|; (?:after )?\d+ms in state .*$")
_CONNECT: Final = re.compile(r"Connect to \S+ failed: ")
_LOST: Final = re.compile(r"Disconnected\b.*")  # what follows differs from client to client
_NUMBER: Final = re.compile(r"\d+")


def plain(line: str) -> str:
    """Say a line of librdkafka in plain words.

    Parameters
    ----------
    line
        As confluent-kafka hands it on: ``FAIL [rdkafka#consumer-1] [thrd:...]: ...``.

    Returns
    -------
    str
        Where and what; without the client, its thread and how long a try took.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        return line
    text = found["text"]
    if found["fact"] not in {"FAIL", "ERROR"}:
        return f"Kafka client: {text}"
    where = "Kafka"
    for pattern in (_ROLE, _AT):
        begin = pattern.match(text)
        if begin is not None:
            address = begin["address"]
            where = f"Kafka at {address}" if address else "Kafka's group coordinator"
            text = text[begin.end() :]
    text = _LOST.sub("connection lost", _CONNECT.sub("", _AFTER.sub("", text)))
    return f"{where}: {text[:1].lower()}{text[1:]}; it is tried again until it answers"


class OncePerCause(logging.Filter):
    """Lets a cause pass once, in plain words; again when it was not heard of for a minute.

    What it decides follows from the records' own times and texts alone. Causes are compared
    without their numbers but for the address.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is news; its text becomes the plain one."""
        text = plain(record.getMessage())
        where, colon, what = text.partition(": ")
        cause = where + colon + _NUMBER.sub("#", what)
        last_s = self._last_s.pop(cause, None)
        self._last_s[cause] = record.created
        if len(self._last_s) > _MOST_CAUSES:
            del self._last_s[next(iter(self._last_s))]
        record.msg, record.args = text, ()
        return last_s is None or record.created - last_s > _QUIET_S
