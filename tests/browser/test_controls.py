"""Every control works, and what it sets is in the address."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.site import ASSETS, Page, Site
from tests.factories import make_symbols

pytestmark = pytest.mark.browser


def shown_symbols(page: Page) -> list[str]:
    """Give the table's symbols from top to bottom."""
    return page.js(
        "return [...document.querySelectorAll('.assets .ag-center-cols-container .ag-row')]"
        ".sort((a, b) => a.getAttribute('row-index') - b.getAttribute('row-index'))"
        ".map(row => row.getAttribute('row-id'))"
    )


def by(site: Site, field: str, *, descending: bool = True) -> list[str]:
    newest = site.decisions[-1]
    values = dict(zip(newest.symbols, getattr(newest, field), strict=True))
    return sorted(values, key=lambda symbol: values[symbol], reverse=descending)


def test_pause_freezes_the_page_and_resume_catches_up(site: Site, page: Page) -> None:
    page.visit(site)
    before = site.decisions[-1].row
    page.until(lambda: page.row() == before, "the newest row")
    page.one("#pause").click()
    assert page.query() == {"paused": "1"}
    assert page.attribute("pause", "aria-pressed") == "true"
    frozen = page.text("weights"), page.text("figure-return")
    for _ in range(3):
        site.append()
    page.until(lambda: page.text("link") == "paused, 3 newer", "three held decisions")
    assert page.row() == before
    assert (page.text("weights"), page.text("figure-return")) == frozen
    page.one("#pause").click()
    page.until(lambda: page.row() == before + 3, "the newest row")
    assert page.query() == {}
    listed = [row.get_attribute("data-id") for row in page.all(".decisions tbody tr")][:4]
    wanted = [decision.id for decision in reversed(site.decisions[-4:])]
    page.until(
        lambda: (
            [row.get_attribute("data-id") for row in page.all(".decisions tbody tr")][:4] == wanted
        ),
        f"those held in the list, which has {listed}",
    )


def test_theme_follows_the_system_until_it_is_chosen(site: Site, page: Page) -> None:
    page.visit(site)
    root = "return document.documentElement.dataset.theme"
    ground = "return getComputedStyle(document.body).backgroundColor"
    dark = page.js(ground)
    assert page.js(root) == "dark"
    page.prefer("light")
    page.until(lambda: page.js(root) == "light", "the system's theme")
    light = page.js(ground)
    assert light != dark
    page.one("#theme").click()
    assert page.js(root) == "dark"
    assert page.js(ground) == dark
    assert page.query() == {"theme": "dark"}
    page.driver.refresh()
    page.until(lambda: page.phase() == "live", "the page again")
    assert page.js(root) == "dark"


def test_a_decision_opens_whole_and_closes(site: Site, page: Page) -> None:
    page.visit(site)
    button = page.one(".decisions tbody tr:nth-child(5) button")
    wanted = button.find_element("xpath", "./ancestor::tr").get_attribute("data-id")
    decision = next(d for d in site.decisions if d.id == wanted)
    button.click()
    page.until(lambda: decision.digest in page.text("drawer-body"), "the whole decision")
    assert page.query() == {"decision": wanted}
    body = page.text("drawer-body")
    assert all(symbol in body for symbol in decision.symbols)
    assert "local-0, local-1" in body
    page.press(Keys.ARROW_LEFT)
    older = site.decisions[site.decisions.index(decision) - 1]
    page.until(lambda: older.digest in page.text("drawer-body"), "the one before")
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.one("#drawer").is_displayed(), "the drawer to close")
    assert page.query() == {}


def test_back_closes_a_decision_and_a_link_opens_it(site: Site, page: Page) -> None:
    page.visit(site)
    page.one(".decisions tbody tr:nth-child(2) button").click()
    page.until(lambda: page.one("#drawer").is_displayed(), "the drawer")
    link = page.driver.current_url
    page.driver.back()
    page.until(lambda: not page.one("#drawer").is_displayed(), "the drawer to close")
    page.driver.get("about:blank")
    page.open(link)
    digest = site.decisions[-2].digest
    page.until(lambda: digest in page.text("drawer-body"), "the linked decision")
    page.one("#drawer-close").click()
    page.until(lambda: not page.one("#drawer").is_displayed(), "the drawer to close")


def test_a_link_to_no_decision_says_so(site: Site, page: Page) -> None:
    page.errors_expected = True  # the browser logs the 404 itself
    page.open(site.url + "/?decision=main:00000000000001:0-000000000001")
    page.until(lambda: page.text("drawer-title") == "Decision not found", "the plain answer")


def test_the_table_sorts_and_the_order_is_in_the_address(site: Site, page: Page) -> None:
    page.visit(site)
    page.until(lambda: shown_symbols(page) == by(site, "weights"), "the order by weight")
    header = ".ag-header-cell[col-id='price'] .ag-header-cell-label"
    page.one(header).click()
    status = site.store.statuses()[0]
    prices = {asset.symbol: asset.price for asset in status.assets}
    wanted = sorted(prices, key=lambda symbol: prices[symbol], reverse=True)
    page.until(lambda: shown_symbols(page) == wanted, "the order by price")
    assert page.query() == {"sort": "price.desc"}
    page.one(header).click()
    page.until(lambda: shown_symbols(page) == wanted[::-1], "the other order")
    assert page.query() == {"sort": "price.asc"}
    page.driver.refresh()
    page.until(lambda: shown_symbols(page) == wanted[::-1], "the order after a reload")


def test_selecting_an_asset_shows_its_weight_over_time(site: Site, page: Page) -> None:
    page.visit(site)
    symbol = make_symbols(ASSETS)[2]
    page.one(f".weight[data-symbol='{symbol}']").click()
    page.until(lambda: page.text("timeline-title") == f"Weight of {symbol}", "its chart")
    page.until(lambda: page.all(f".assets .ag-row.selected[row-id='{symbol}']"), "its row")
    assert page.query() == {"asset": symbol}
    page.one("#clear-asset").click()
    page.until(lambda: page.text("timeline-title") == "Weights over time", "all assets")
    other = make_symbols(ASSETS)[4]
    page.one(f".assets .ag-row[row-id='{other}'] .ag-cell[col-id='weight']").click()
    page.until(lambda: page.text("timeline-title") == f"Weight of {other}", "its chart")


def test_a_reload_restores_the_page(site: Site, page: Page) -> None:
    symbol = make_symbols(ASSETS)[1]
    page.open(f"{site.url}/?range=60&asset={symbol}&theme=light&paused=1&sort=volatility.asc")
    assert page.attribute("pause", "aria-pressed") == "true"
    assert page.js("return document.documentElement.dataset.theme") == "light"
    pressed = page.js(
        "return [...document.querySelectorAll('button.range[aria-pressed=true]')]"
        ".map(button => button.dataset.range)"
    )
    assert pressed == ["60"]
    page.until(lambda: "over 60 decisions" in page.text("stages-caption"), "the range")
    page.until(lambda: page.text("timeline-title") == f"Weight of {symbol}", "the asset")
    wanted = by(site, "volatility", descending=False)
    page.until(lambda: shown_symbols(page) == wanted, "the order")
    row = page.row()
    site.append()
    page.until(lambda: page.text("link") == "paused, 1 newer", "a held decision")
    assert page.row() == row


def test_the_range_is_that_of_every_chart(site: Site, page: Page) -> None:
    page.visit(site)
    stored = f"over {min(240, len(site.decisions))} decisions"
    page.until(lambda: stored in page.text("stages-caption"), "the history")
    page.one("button.range[data-range='60']").click()
    page.until(lambda: "over 60 decisions" in page.text("stages-caption"), "the range")
    assert page.query() == {"range": "60"}
