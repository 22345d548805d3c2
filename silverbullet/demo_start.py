"""What a demo says from its start until it decides."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.status import Status

Watch = Callable[[int], tuple[list[str], str]]
"""Looks at what runs, at a monotonic time in ns: lines to show, and why to give up or ''."""
WATCH_INTERVAL_S = 0.2
START_LIMIT_S = 120.0
# Warm, the first decision is there after 4.6 s; on a cold cache after about 45.
WARM_START_S = 9.0
WHY_LONG = "the first start on a machine compiles kernels, which takes up to a minute"
# A proxy set for the web knows nothing of this machine's loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _answers(url: str, token: str) -> bool:
    # Of the page started here.
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with _DIRECT.open(request, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_until_up(
    watch: Watch,
    n_parts: int,
    address: str,
    token: str,
    stop: threading.Event,
    console: Console,
) -> str:
    """Wait for page and first decision under one progress line; give why it failed, or ''."""
    up = f"broker and {n_parts} processes are up"
    steps = {
        f"{up}; waiting until the page answers": f"{address}/healthz",
        "the page is up; waiting for the first decision": f"{address}/api/v1/decisions/latest",
    }
    begun_s, explained = time.monotonic(), False
    with console.status("starting") as line:
        for text, url in steps.items():
            _tell_step(console, line, text)
            while not _answers(url, token):
                lines, failure = watch(time.monotonic_ns())
                for said in lines:
                    console.print(said, highlight=False)
                if failure or stop.wait(WATCH_INTERVAL_S):
                    return failure
                waited_s = time.monotonic() - begun_s
                if waited_s > WARM_START_S and not explained:
                    explained = True
                    _tell_step(console, line, f"{text}; {WHY_LONG}")
                if waited_s > START_LIMIT_S:
                    console.print(f"{text} for more than {START_LIMIT_S:.0f} s; going on")
                    return ""
    return ""


def _tell_step(console: Console, line: Status, text: str) -> None:
    line.update(f"starting: {text}")
    if not console.is_terminal:  # nothing moves there
        console.print(f"starting: {text}", highlight=False)


def ready_lines(address: str, folder: Path, token: str, *, terminal: bool) -> list[str]:
    """Say where the page is and how it is steered; the secret goes to a terminal alone."""
    # What follows # stays in the browser: no server, log or proxy sees it.
    steer = f"open {address}/login#token={token}"
    if not terminal:  # a redirected output is a log that others may read
        steer = "make a token with `silverbullet token create NAME --scope admin`"
    return [
        f"SilverBullet decides on {address}  (Ctrl-C ends it; logs in {folder})",
        f"To steer it from the page, {steer}",
    ]
