"""The login in a real browser: by link, by hand, and with scripts off."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from storage.tokens import TokenFile
from tests.browser.site import FLAGS
from tests.ui.serving import WAIT_S, until
from tests.ui.test_bind import WIDE, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))
    )
    yield chrome
    chrome.quit()


def at_dashboard(driver: webdriver.Chrome) -> None:
    WebDriverWait(driver, WAIT_S).until(lambda d: d.find_elements(By.ID, "panels"))


def test_every_way_in(tmp_path: Path, driver: webdriver.Chrome) -> None:
    tokens = TokenFile(tmp_path / "state" / "silverbullet" / "tokens.json")
    secret = tokens.create("boss", "admin", 1)
    with serving(tmp_path, "--set", f"serve.host={WIDE}") as server:
        until(lambda: server.ask("/healthz")[0] == 200, "the worker")
        url = f"http://127.0.0.1:{server.place.port}"
        # A link: the token is off the address bar and out of the history, and no script sees it.
        driver.get(f"{url}/login#token={secret}")
        at_dashboard(driver)
        assert driver.current_url == f"{url}/"
        assert driver.execute_script("return document.cookie") == ""
        assert driver.get_cookies()[0]["sameSite"] == "Strict"
        steer = (
            "const done = arguments[arguments.length - 1];"
            "fetch('/api/v1/control', {method: 'POST', body: '{\"paused\": true}',"
            "headers: {'Content-Type': 'application/json'}}).then((answer) => done(answer.status));"
        )
        # Everything was in order but that no broker is named here.
        assert driver.execute_async_script(steer) == 503
        driver.back()
        assert secret not in driver.current_url
        assert secret not in server.said()
        # By hand, first with what is no token.
        driver.get(url)
        driver.delete_all_cookies()
        driver.get(url)
        assert driver.current_url == f"{url}/login"
        driver.find_element(By.ID, "token").send_keys("sb_wrong\n")
        WebDriverWait(driver, WAIT_S).until(
            lambda d: "not known here" in d.find_element(By.ID, "said").text
        )
        driver.find_element(By.ID, "token").clear()
        driver.find_element(By.ID, "token").send_keys(f"{secret}\n")
        at_dashboard(driver)
        # And with scripts off.
        driver.delete_all_cookies()
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        driver.get(f"{url}/login")
        driver.find_element(By.ID, "token").send_keys(secret)
        driver.find_element(By.TAG_NAME, "button").click()
        WebDriverWait(driver, WAIT_S).until(lambda d: d.current_url == f"{url}/")
        assert "silverbullet_session" in driver.get_cookies()[0]["name"]
        driver.get("about:blank")
        problems = [entry["message"] for entry in driver.get_log("browser")]
        assert not [text for text in problems if "Content Security Policy" in text], problems
