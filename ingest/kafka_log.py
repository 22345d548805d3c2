"""librdkafka's log as Python's: one plain line a cause, not one for each of its tries.

While a broker is down librdkafka tries again every 0.05 to 0.5 s and tells each try: 1200 equal
lines in half a minute were counted. confluent-kafka hands them to the logger of a client's
configuration when the client polls.
"""

import logging
import re
from typing import Final

_REMIND_S: Final = 60.0
_MOST_CAUSES: Final = 256

_LINE: Final = re.compile(r"(?P<fact>\w+) \[[^]]*\] (?:\[thrd:[^]]*\]: )?(?P<text>.*)", re.DOTALL)
_AT: Final = re.compile(r"(?:\w+://)?(?P<address>[^\s/]+:\d+)/(?:\d+|bootstrap): ")
_ROLE: Final = re.compile(r"(?P<role>Group|Txn)Coordinator: (?:(?P<address>[^\s/]+:\d+): )?")
_ROLES: Final = {"Group": "group", "Txn": "transaction"}
_AFTER: Final = re.compile(r" \((?:after )?\d+ms in state \w+.*\)$|; (?:after )?\d+ms in state .*$")
_CONNECT: Final = re.compile(r"Connect to \S+ failed: ")
_LOST: Final = re.compile(r"Disconnected\b.*")  # what follows differs from client to client
_NUMBER: Final = re.compile(r"\d+")
_WAITS_FOR_ID: Final = re.compile(r"Failed to acquire \w+ PID .*retrying", re.DOTALL)


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
            if address:
                where = f"Kafka at {address}"
            else:
                where = f"Kafka's {_ROLES[begin['role']]} coordinator"
            text = text[begin.end() :]
    text = _LOST.sub("connection lost", _CONNECT.sub("", _AFTER.sub("", text)))
    if text[1:2].islower():  # "SSL" and "SASL" stay
        text = text[:1].lower() + text[1:]
    return f"{where}: {text}; it is tried again until it answers"


def is_failure(line: str) -> bool:
    """Tell whether a line of librdkafka says that a broker cannot be reached."""
    found = _LINE.fullmatch(line)
    return found is not None and found["fact"] in {"FAIL", "ERROR"}


def is_wait_for_id(line: str) -> bool:
    """Tell whether a producer asks for its id again, as the coordinator is busy."""
    return _WAITS_FOR_ID.search(line) is not None


class OncePerCause(logging.Filter):
    """Lets a cause pass once, in plain words; again each minute while it lasts.

    What it decides follows from the records' own times and texts alone. Causes are compared
    without their numbers but for the address.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is news; its text becomes the plain one."""
        text = plain(record.getMessage())
        where, colon, what = text.partition(": ")
        cause = where + colon + _NUMBER.sub("#", what)
        told_s = self._told_s.pop(cause, None)
        is_news = told_s is None or record.created - told_s >= _REMIND_S
        self._told_s[cause] = record.created if told_s is None or is_news else told_s
        if len(self._told_s) > _MOST_CAUSES:
            del self._told_s[next(iter(self._told_s))]
        record.msg, record.args = text, ()
        return is_news

    def forget(self) -> None:
        """Let each cause be news again."""
        self._told_s.clear()
