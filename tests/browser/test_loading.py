"""What is seen first, and before anything slow has arrived."""

from typing import Any

import pytest

from tests.browser.site import ASSETS, Page, Site
from tests.factories import make_symbols
from ui.dashboard.attributes import NO_VALUE

pytestmark = pytest.mark.browser


def block(page: Page, *addresses: str) -> None:
    """Refuse the page's requests to these addresses."""
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": list(addresses)})


def grid_rows(page: Page) -> Any:
    return page.js(
        "return [...document.querySelectorAll('.assets .ag-center-cols-container .ag-row')]"
        ".map(row => row.getAttribute('row-id'))"
    )


def test_the_newest_decision_is_there_before_any_request(site: Site, page: Page) -> None:
    page.errors_expected = True  # the browser logs each refused request itself
    newest = site.decisions[-1]
    block(page, "*/api/*")
    try:
        page.driver.get(site.url)
        page.until(lambda: page.row() == newest.row, "its row")
        page.until(lambda: set(grid_rows(page)) == set(make_symbols(ASSETS)), "the table's rows")
        weights = page.all("#weights .weight")
        assert {row.get_attribute("data-symbol") for row in weights} == set(newest.symbols)
        assert page.text("figure-return") != NO_VALUE
        assert page.all(".decisions tbody tr")[0].get_attribute("data-id") == newest.id
        page.until(lambda: page.text("link") == "disconnected", "the plain truth")
    finally:
        block(page)
    page.until(lambda: page.text("link") == "live", "the stream")
    page.until(lambda: len(page.all(".decisions tbody tr")) == 60, "the history")


def test_figures_and_table_do_not_wait_for_the_charts(site: Site, page: Page) -> None:
    page.errors_expected = True  # as above
    block(page, "*plotly*")
    try:
        page.driver.get(site.url)
        page.until(lambda: page.text("link") == "live", "the stream")
        page.until(lambda: set(grid_rows(page)) == set(make_symbols(ASSETS)), "the table's rows")
        site.append()
        page.until(lambda: page.row() == site.decisions[-1].row, "the next decision")
        assert not page.all("#cloud .scatterlayer")
    finally:
        block(page)
        page.driver.get("about:blank")  # this page stays without its charts
