"""Why a Java server has ended: what its log says of that, and what it only says last."""

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Final

from cluster.room import no_room

_TAIL_BYTES: Final = 65_536
_TOLD_CHARACTERS: Final = 300
_WORDLESS: Final = "without a word (killed?)"
# An older error the server outlived. Kafka's own ends take 0.3 to 1.2 s, Cassandra's 3 s, and two
# processors may be shared.
_END_S: Final = 10.0
_COMPLAINT: Final = re.compile(r"\b(ERROR|FATAL)\b|Exception\b|^Error\b|OutOfMemoryError")
# The JVM's own last words have no time and no level.
_JVM_ENDS: Final = re.compile(
    r"^Terminating due to |^Exception in thread|^Error: |^Error occurred during|"
    r"^# A fatal error has been detected"
)
# As both servers' logging is set up here.
_ENTRY: Final = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ([A-Z]+) ")
_ASKED_TO_END: Final = "Terminating process due to signal"
_OF_A_TRACE: Final = re.compile(
    r"^at |^\.\.\. \d+ |^(Caused by|Suppressed): |^[\w.$]+\.\w*(Exception|Error|Throwable)\b(:|$)"
)


def why_ended(log_path: Path) -> str:
    """Say why a server has ended: a full disk, which its log may have no room for, and its log."""
    return "; ".join(filter(None, (no_room(log_path.parent), _last_words(log_path))))


def _last_words(log_path: Path) -> str:
    try:
        with log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return reason(log.read().decode(errors="replace"))
    except FileNotFoundError:
        return "no log"


def reason(text: str) -> str:
    """Give what a log says of its server's end, in one line with the time.

    An entry of level WARN or below is none, nor is its stack trace: of a stray client Kafka and
    Cassandra tell so, and go on. Nor is an error that stands more than 10 s before the last entry.
    """
    at, level, found, found_at = "", "", "", ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if entry := _ENTRY.match(line):
            at, level = entry[1], entry[2]
            telling = level in ("ERROR", "FATAL") or _ASKED_TO_END in line
        elif _JVM_ENDS.match(line):
            telling = True
        else:
            quiet = level in ("WARN", "INFO", "DEBUG", "TRACE") and _OF_A_TRACE.match(line)
            telling = not quiet and not line.startswith("at ") and bool(_COMPLAINT.search(line))
        if telling:
            found, found_at = (line if entry or not at else f"{at} {line}"), at
    if not at:  # it came to no entry
        return complaint(text) if text.strip() else _WORDLESS
    if found and _seconds(found_at, at) <= _END_S:
        return found[:_TOLD_CHARACTERS]
    return _WORDLESS


def _seconds(first: str, last: str) -> float:
    """Give the time between two entries; 0 where one has none."""
    if not first:
        return 0.0
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def complaint(text: str) -> str:
    """Give the last line of a program's that tells of an error, else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if _COMPLAINT.search(line) and not line.startswith("at ")]
    return ((told or lines or ["no word"])[-1])[:_TOLD_CHARACTERS]
