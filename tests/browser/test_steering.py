"""The controls: each sends what it says, and says what became of it."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.site import Page
from tests.browser.steered import SteeredSite
from tests.browser.test_engines import ENGINES

pytestmark = pytest.mark.browser


@pytest.fixture
def site(steered: SteeredSite, page: Page) -> SteeredSite:
    """Give the site with its engines page open, nobody logged in."""
    # Not delete_all_cookies: it knows those of the page shown alone, which may be another.
    page.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    steered.append(engine="ray", status={"engines": ENGINES})
    steered.visit(page)
    page.until(lambda: page.one("#control .login").is_displayed(), "the login")
    return steered


def press(page: Page, name: str) -> None:
    """Press the control of a name, as soon as it can be pressed."""
    xpath = f"//*[@id='control']//button[normalize-space()='{name}' or @aria-label='{name}']"
    page.until(lambda: page.driver.find_element("xpath", xpath).is_enabled(), name)
    page.driver.find_element("xpath", xpath).click()


def outcome(page: Page) -> str:
    return page.one("#control .outcome").text


def until_sent(page: Page, site: SteeredSite, n: int) -> None:
    page.until(lambda: len(site.sent()) == n, f"control {n}")
    page.until(lambda: "Sent: " in outcome(page), "what was sent")


def applied(page: Page, site: SteeredSite, **status: object) -> None:
    """Have the pipeline report the newest control as applied."""
    site.tell(engines=ENGINES, controls=site.taken("applied"), **status)
    page.until(lambda: outcome(page).startswith("Applied: "), "the report")


def test_each_control_sends_what_it_says(site: SteeredSite, page: Page) -> None:
    site.log_in(page, site.admin)
    assert page.text("control-caption") == "as boss (admin)"
    n = len(site.sent())
    for name in ("spark", "resident", "One worker more", "One worker more"):
        press(page, name)
    assert len(site.sent()) == n, "a choice was sent before it was applied"
    assert page.text("wish") == "engines spark, ray, local; dispatch resident; 4 workers"
    press(page, "Apply")
    until_sent(page, site, n + 1)
    wanted = {"order": ["spark", "ray", "local"], "dispatch": "resident", "workers": 4}
    assert site.wishes()[n] == wanted
    assert site.sent()[n].who == "boss"
    site.tell(
        engines=ENGINES,
        controls=site.taken("waiting"),
        change="changing to spark, ray, local (resident, 4 workers): spark is starting",
    )
    page.until(lambda: "Coming up: engines spark" in outcome(page), "the report")
    assert "spark is starting" in outcome(page)
    assert page.one("#control .worker-count").text == "4"
    applied(page, site)
    press(page, "One worker fewer")
    press(page, "Apply")
    until_sent(page, site, n + 2)
    assert site.wishes()[n + 1] == {"workers": 1}
    applied(page, site)
    press(page, "Pause deciding")
    until_sent(page, site, n + 3)
    assert site.wishes()[n + 2] == {"paused": True}
    applied(page, site, state="paused", reason="paused by boss")
    press(page, "Continue deciding")
    until_sent(page, site, n + 4)
    assert site.sent()[n + 3].paused is False
    applied(page, site)
    press(page, "Reset")
    until_sent(page, site, n + 5)
    assert site.wishes()[n + 4] == {"reset": True}
    site.tell(engines=ENGINES, controls=site.taken("replaced", "a later control came"))
    page.until(lambda: "Replaced: settings again (a later" in outcome(page), "the report")


def test_what_is_there_already_is_not_asked_for(site: SteeredSite, page: Page) -> None:
    site.log_in(page, site.admin)
    apply = page.one("#control .apply-line button")
    for name in ("ray", "tasks", "One worker more", "One worker fewer"):
        press(page, name)
    assert not apply.is_enabled()
    press(page, "local")
    assert apply.is_enabled()
    assert page.text("wish") == "engines local, ray, spark"
    press(page, "Discard")
    assert not apply.is_enabled()


def test_a_wrong_token_and_logging_out_are_told(site: SteeredSite, page: Page) -> None:
    page.errors_expected = True  # the browser logs the 401 itself
    field = page.one("#control .login input")
    field.send_keys("sb_wrong", Keys.ENTER)
    page.until(lambda: "the token is not known here" in outcome(page), "the refusal")
    assert "silverbullet token create" in outcome(page)
    assert not page.one("#control .steer").is_displayed()
    site.log_in(page, site.admin)
    page.one("#log-out").click()
    page.until(lambda: page.one("#control .login").is_displayed(), "the login")
    assert page.text("control-caption") == ""
    assert not page.driver.get_cookies()


def test_a_reader_is_told_that_it_may_not(site: SteeredSite, page: Page) -> None:
    page.errors_expected = True  # the browser logs the 403 itself
    site.log_in(page, site.admin)
    n = len(site.sent())
    # Another tab logs in as one who may only read.
    page.js(
        "return fetch('/login', { method: 'POST', body: JSON.stringify({ token: arguments[0] }),"
        " headers: { 'Content-Type': 'application/json' } }).then(a => a.status)",
        site.reader,
    )
    press(page, "Pause deciding")
    page.until(lambda: page.one("#control .login").is_displayed(), "the login")
    assert "admin" in outcome(page)
    assert page.one("#control .outcome").get_attribute("data-level") == "bad"
    assert "quant may only read" in page.one("#control .login").text
    assert len(site.sent()) == n


def test_an_ended_session_is_told_with_the_remedy(site: SteeredSite, page: Page) -> None:
    page.errors_expected = True  # as above, 401
    site.log_in(page, site.admin)
    # Not delete_all_cookies: it knows those of the page shown alone, which may be another.
    page.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    press(page, "Reset")
    page.until(lambda: page.one("#control .login").is_displayed(), "the login")
    assert "log in at /login" in outcome(page)


def test_a_lost_broker_and_a_refused_wish_are_told(site: SteeredSite, page: Page) -> None:
    page.errors_expected = True  # as above, 503 and 422
    site.log_in(page, site.admin)
    site.lose_broker(True)
    press(page, "Pause deciding")
    page.until(lambda: "no broker answers at 127.0.0.1:1" in outcome(page), "the refusal")
    assert "see that the broker runs" in outcome(page)
    site.lose_broker(False)
    # A server of another version may know other bounds than this page.
    page.js("window.silverbullet.control.pause('soon')")
    page.until(lambda: "paused" in outcome(page) and "openapi.json" in outcome(page), "the 422")
    n = len(site.sent())
    press(page, "Pause deciding")
    until_sent(page, site, n + 1)


def test_controls_work_by_keyboard(site: SteeredSite, page: Page) -> None:
    site.log_in(page, site.admin)
    n = len(site.sent())
    page.js("document.querySelector('[data-choice=ray]').focus()")
    page.tab()
    page.press(Keys.SPACE)  # spark
    seen = [page.js("return document.activeElement.textContent")]
    for _ in range(6):
        page.tab()
        seen.append(page.js("return document.activeElement.textContent"))
    assert seen == ["spark", "local", "tasks", "resident", "\u2212", "+", "Apply"]
    page.press(Keys.ENTER)
    until_sent(page, site, n + 1)
    assert site.wishes()[n]["order"][0] == "spark"


def test_who_asks_is_asked_again_when_the_server_is_back(site: SteeredSite, page: Page) -> None:
    page.errors_expected = True  # the browser logs each refused request itself
    site.log_in(page, site.admin)
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/api/v1/access"]})
    try:
        page.press("e")
        page.press("e")
        page.until(lambda: not page.one("#control .steer").is_displayed(), "nobody known")
        assert not page.one("#control .login").is_displayed()
    finally:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    page.until(lambda: page.one("#control .steer").is_displayed(), "the session again")
