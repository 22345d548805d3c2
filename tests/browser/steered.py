"""A site whose server takes tokens and keeps the controls that it is asked to send.

Run as a module it serves, as tests/ui/serving.py does.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from storage.control import Control, ControlPhase, ControlState, decode_control, encode_control
from storage.tokens import TokenFile
from tests.browser.site import Page, Site
from tests.ui.serving import reader_of
from ui.control import ControlUnavailableError
from ui.server import serve

STREAMS = 8
_CALM = """
const { view, control } = window.silverbullet;
view.set({ page: null, theme: null, paused: false });
control.discard();
view.set({ page: 'engines' });
"""


class SteeredSite(Site):
    """A site with an admin's and a reader's token; the file of controls stands for the topic."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens = TokenFile(folder / "tokens.json")
        self.admin = self.tokens.create("boss", "admin", time.time_ns())
        self.reader = self.tokens.create("quant", "read", time.time_ns())
        (folder / "controls").touch()
        super().__init__(folder, history=90)

    def command(self, port: int) -> list[str]:
        return [sys.executable, "-m", "tests.browser.steered", str(self.folder), str(port)]

    def sent(self) -> list[Control]:
        """Give the controls that reached the topic."""
        return [decode_control(line) for line in (self.folder / "controls").read_bytes().split()]

    def wishes(self) -> list[dict[str, Any]]:
        """Give what each control asks for, without who and when."""
        given = [msgspec.json.decode(encode_control(control)) for control in self.sent()]
        plain = {"id", "time_ns", "who"}
        return [{k: v for k, v in one.items() if k not in plain and v} for one in given]

    def taken(self, state: ControlPhase, reason: str = "") -> tuple[ControlState, ...]:
        """Give the newest control as a pipeline reports it."""
        control = self.sent()[-1]
        return (
            ControlState(
                id=control.id,
                time_ns=control.time_ns,
                who=control.who,
                wish=control.wish(),
                state=state,
                reason=reason,
            ),
        )

    def lose_broker(self, lost: bool) -> None:
        (self.folder / "down").touch() if lost else (self.folder / "down").unlink()

    def visit(self, page: Page) -> None:
        """Show the engines page as it was loaded, loading it only if it is not there."""
        page.loaded = True
        here = page.js("return location.origin") == self.url
        if here and page.attribute("page", "data-link") == "live":
            page.js(_CALM)
        else:
            page.driver.get(self.url + "/?view=engines")
        page.until(lambda: page.attribute("page", "data-link") == "live", "the stream")
        page.until(lambda: page.row() == self.decisions[-1].row, "the newest row")

    def log_in(self, page: Page, token: str) -> None:
        page.until(lambda: page.one("#control .login").is_displayed(), "the login")
        page.one("#control .login input").send_keys(token)
        page.one("#control .login button").click()
        page.until(lambda: page.text("control-caption").startswith("as "), "the session")


def _sink(folder: Path) -> Callable[[Control], None]:
    def send(control: Control) -> None:
        if (folder / "down").exists():
            raise ControlUnavailableError("no broker answers at 127.0.0.1:1")
        with (folder / "controls").open("ab") as file:
            file.write(encode_control(control).replace(b" ", b"\\u0020") + b"\n")

    return send


if __name__ == "__main__":
    place, port = Path(sys.argv[1]), int(sys.argv[2])
    sys.exit(
        serve(
            reader_of(place / "store.sqlite"),
            "127.0.0.1",
            port,
            STREAMS,
            tokens=place / "tokens.json",
            send_control=_sink(place),
            on_ready=lambda url: print(url, flush=True),
        )
    )
