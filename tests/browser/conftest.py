"""One browser for the tests here, and each page checked for errors and foreign requests."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests.browser.site import FLAGS, Page, Site
from tests.browser.steered import SteeredSite


@pytest.fixture(scope="package")
def driver() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    chrome = webdriver.Chrome(options=options, service=service)
    yield chrome
    chrome.quit()


@pytest.fixture
def make_site(tmp_path: Path, driver: webdriver.Chrome) -> Iterator[Callable[..., Site]]:
    """Give a maker of sites: how many decisions are stored before the server starts."""
    made: list[Site] = []

    def make(history: int = 90, streams: int = 8) -> Site:
        made.append(Site(tmp_path, history, streams))
        return made[-1]

    yield make
    driver.get("about:blank")  # or the page would miss its server in the next test
    for site in made:
        site.close()


@pytest.fixture(scope="package")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    shared = Site(tmp_path_factory.mktemp("site"), history=90)
    yield shared
    shared.close()


@pytest.fixture
def site(shared_site: Site) -> Site:
    """Give the site that tests share, which spares each the 8 MB of scripts; all is calm there."""
    shared_site.append()
    return shared_site


@pytest.fixture(scope="package")
def _odd_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    odd = Site(tmp_path_factory.mktemp("odd"), history=90)
    yield odd
    odd.close()


@pytest.fixture
def odd_site(_odd_site: Site) -> Site:
    """Give the site whose history may hold what is out of the ordinary; its newest is not."""
    _odd_site.append()
    return _odd_site


@pytest.fixture(scope="package")
def old_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site whose newest decision is a minute old."""
    old = Site(tmp_path_factory.mktemp("old"), history=90, ahead_s=-60)
    yield old
    old.close()


@pytest.fixture(scope="package")
def steered(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SteeredSite]:
    """Give a site that takes controls."""
    made = SteeredSite(tmp_path_factory.mktemp("steered"))
    yield made
    made.close()


@pytest.fixture
def page(driver: webdriver.Chrome) -> Iterator[Page]:
    """Give the page; after the test nothing may stand in its console, no other host be asked."""
    page = Page(driver)
    page.resize(1440, 900)
    page.prefer("dark")
    page.console_errors()
    page.hosts()
    yield page
    errors, hosts = page.console_errors(), page.hosts()
    assert page.errors_expected or errors == []
    assert hosts or not page.loaded, "the performance log is empty: requests cannot be checked"
    assert all(host.startswith("http://127.0.0.1:") for host in hosts), hosts
