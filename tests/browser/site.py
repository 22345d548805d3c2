"""A real server over a store that a test fills, and the page in a real browser."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from optimize.decision import Decision
from storage.records import Status
from storage.sqlite import SqliteStore
from tests.factories import SECOND_NS, make_decision, make_status

ROOT = Path(__file__).parents[2]
WAIT_S = 40
ASSETS = 6
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--window-size=1440,900"
)


_CALM = """
const sb = window.silverbullet;
document.activeElement.blur();
document.getElementById('drawer').close();
const more = document.getElementById('more-notices');
if (more.getAttribute('aria-expanded') === 'true') more.click();
sb.view.set({ page: null, theme: null, paused: false, decision: null, asset: null, range: 240,
  sort: null });
window.dash_ag_grid.getApi('assets').applyColumnState(
  { state: [{ colId: 'weight', sort: 'desc' }], defaultState: { sort: null } });
window.scrollTo(0, 0);
"""


class Site:
    """A server process and the one writer of its store.

    Its decisions are an hour ahead, so that none is overdue however slow the machine is.
    """

    def __init__(self, folder: Path, history: int, streams: int = 8, ahead_s: int = 3600) -> None:
        self.path = folder / "store.sqlite"
        self.store = SqliteStore(self.path)
        self.row = time.time_ns() // SECOND_NS - history + ahead_s
        self._told_s = 0.0
        self.decisions: list[Decision] = []
        self._process: subprocess.Popen[str] | None = None
        self.streams = streams
        self.url = ""
        if history:
            self.append(history)
        self.start(0)

    def start(self, port: int) -> None:
        """Start the server on a port, 0 for any free one."""
        self._process = subprocess.Popen(
            self.command(port), cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the server did not start"

    def command(self, port: int) -> list[str]:
        """Give the server's command line."""
        server = [sys.executable, "-m", "tests.ui.serving", str(self.path), "127.0.0.1"]
        return [*server, str(port), str(self.streams)]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def stop(self) -> None:
        """End the server as a user does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(WAIT_S)
            self._process = None

    def close(self) -> None:
        self.stop()
        self.store.close()

    def append(self, n: int = 1, *, status: dict[str, Any] | None = None, **changes: Any) -> None:
        """Store n further decisions and a status of this instant."""
        made = []
        for _ in range(n):
            made.append(make_decision(self.row, ASSETS, seed=7, cloud_points=40, **changes))
            self.row += 1
        self.decisions += made
        self.store.append(made, [self.status(**(status or {}))])

    def status(self, **changes: Any) -> Status:
        """Make a status of this instant about the newest decision."""
        last = self.decisions[-1].id if self.decisions else ""
        return make_status(time.time_ns(), ASSETS, **({"last_decision_id": last} | changes))

    def tell(self, **changes: Any) -> None:
        """Store a status alone."""
        self.store.append([], [self.status(**changes)])

    def telling(self, **changes: Any) -> bool:
        """Store a status as `run` does, once a second while a test waits; always true."""
        if time.monotonic() - self._told_s > 1:
            self.tell(**changes)
            self._told_s = time.monotonic()
        return True


class Page:
    """The page in a browser: what a user sees and does."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.errors_expected = False
        self.loaded = False

    def open(self, url: str, *, phase: str = "live") -> None:
        self.loaded = True
        self.driver.get(url)
        self.until(lambda: self.phase() == phase, f"the page to be {phase}")
        self.until(lambda: self.attribute("page", "data-link") == "live", "the stream")
        if phase == "live":
            self.until(lambda: self.all(".assets .ag-row"), "the table of assets")
            self.until(lambda: self.all("#timeline .scatterlayer .trace"), "the charts")

    def visit(self, site: Site) -> None:
        """Show a site's newest decision as a loaded page does, loading it only if it is not there.

        For tests of what the page does; those of how it loads use ``open``.
        """
        here = self.js("return location.origin") == site.url
        if not here or self.attribute("page", "data-link") != "live":
            self.open(site.url)
        else:
            pointer = webdriver.ActionChains(self.driver, duration=0)
            pointer.w3c_actions.pointer_action.move_to_location(1, 1)
            pointer.perform()
            self.js(_CALM)
            self.until(lambda: self.query() == {}, "the page as it was loaded")
        self.until(lambda: self.row() == site.decisions[-1].row, "the newest row")

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for a condition; elements may be replaced while it looks."""

        def holds(_: Any) -> Any:
            return condition()

        wait = WebDriverWait(self.driver, WAIT_S, 0.05, ignored_exceptions=[Exception])
        return wait.until(holds, f"waited {WAIT_S} s for {what}")

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, identifier: str) -> str:
        return self.js("return document.getElementById(arguments[0]).textContent", identifier)

    def attribute(self, identifier: str, name: str) -> str | None:
        script = "return document.getElementById(arguments[0])?.getAttribute(arguments[1])"
        return self.js(script, identifier, name)

    def phase(self) -> str | None:
        return self.attribute("page", "data-phase")

    def row(self) -> int:
        """Give the row that the header shows."""
        digits = "".join(c for c in self.text("fact-row") if c.isdigit())
        return int(digits) if digits else -1

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def tab(self) -> None:
        self.press(Keys.TAB)

    def resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, scheme: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def query(self) -> dict[str, str]:
        """Give the address's query."""
        return self.js("return Object.fromEntries(new URLSearchParams(location.search))")

    def console_errors(self) -> list[str]:
        return [e["message"] for e in self.driver.get_log("browser") if e["level"] == "SEVERE"]

    def hosts(self) -> set[str]:
        """Give the host of every request since the last call."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                parameters = message["params"]
                place = urlsplit(parameters.get("url") or parameters["request"]["url"])
                if place.scheme not in ("data", "blob"):
                    found.add(f"{place.scheme}://{place.netloc}")
        return found
