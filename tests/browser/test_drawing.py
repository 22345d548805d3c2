"""The page draws what is stored, and moves when more is."""

import math
from collections.abc import Callable

import pytest

from tests.browser.site import ASSETS, Page, Site
from tests.factories import make_symbols

pytestmark = pytest.mark.browser
YEAR_S = 365 * 24 * 3600  # rows of one second


def number(text: str) -> float:
    """Read a figure as the page writes it."""
    cleaned = text.replace("\u202f", "").replace("\u2212", "-")
    return float("".join(c for c in cleaned if c in "0123456789.-"))


def test_the_page_moves_with_new_decisions(site: Site, page: Page) -> None:
    page.open(site.url)
    newest = site.decisions[-1]
    page.until(lambda: page.row() == newest.row, "the newest row")
    before = page.text("weights")
    charts = page.js("return document.getElementById('timeline').outerHTML")
    site.append()
    page.until(lambda: page.row() == newest.row + 1, "the next row")
    page.until(lambda: page.text("weights") != before, "other weights")
    page.until(
        lambda: page.js("return document.getElementById('timeline').outerHTML") != charts,
        "a new weight in the chart",
    )
    first = page.one(".decisions tbody tr").get_attribute("data-id")
    assert first == site.decisions[-1].id


def test_figures_are_the_stored_ones_annualised(site: Site, page: Page) -> None:
    page.open(site.url)
    newest = site.decisions[-1]
    page.until(lambda: page.row() == newest.row, "the newest row")
    root = math.sqrt(YEAR_S)
    shown_return = number(page.text("figure-return"))
    assert shown_return == pytest.approx(100 * newest.expected_return * YEAR_S, rel=1e-4, abs=0.06)
    shown_volatility = number(page.text("figure-volatility"))
    assert shown_volatility == pytest.approx(100 * newest.portfolio_volatility * root, abs=0.06)
    assert number(page.text("figure-sharpe")) == pytest.approx(newest.sharpe * root, abs=0.006)
    assert "a year" in page.text("figure-return-note")
    assert "per 1\u00a0s" in page.text("figure-return-note").replace("per 1 s", "per 1\u00a0s")
    took = newest.times.published_ns - newest.times.event_ns
    assert number(page.text("figure-latency")) == pytest.approx(took / 1e6, abs=0.1)


def test_table_and_weights_hold_each_asset(site: Site, page: Page) -> None:
    page.open(site.url)
    newest = site.decisions[-1]
    rows = {
        row.get_attribute("row-id"): row
        for row in page.all(".assets .ag-center-cols-container .ag-row")
    }
    assert set(rows) == set(make_symbols(ASSETS))
    for symbol, weight, skewness in zip(
        newest.symbols, newest.weights, newest.skewness, strict=True
    ):
        cells = {
            cell.get_attribute("col-id"): cell.text
            for cell in rows[symbol].find_elements("css selector", ".ag-cell")
        }
        assert number(cells["weight"]) == pytest.approx(100 * weight, abs=0.006)
        assert number(cells["skewness"]) == pytest.approx(skewness, abs=0.006)
        bar = page.one(f".weight[data-symbol='{symbol}'] .number")
        assert number(bar.text) == pytest.approx(100 * weight, abs=0.006)


def test_cloud_frontier_portfolio_and_assets_are_drawn(site: Site, page: Page) -> None:
    page.open(site.url)
    page.until(
        lambda: len(page.all("#cloud .scatterlayer .trace")) == 4,
        "cloud, frontier, assets and portfolio",
    )
    points = page.js(
        "return [...document.querySelectorAll('#cloud .scatterlayer .trace')]"
        ".map(trace => trace.querySelectorAll('.point').length)"
    )
    assert sorted(points) == [0, 1, ASSETS, 40]
    drawn = page.one("#cloud").text
    assert "portfolio" in drawn
    assert make_symbols(1)[0] in drawn


def test_latency_by_stage_is_that_of_the_decisions(site: Site, page: Page) -> None:
    page.open(site.url)
    rows = {
        row.find_element("css selector", "th").text: [
            cell.text for cell in row.find_elements("css selector", "td")
        ][1:]
        for row in page.all(".stages tbody tr")
    }
    # tests/factories.py: each stage always takes the same.
    assert rows["kafka"] == ["1.00 ms"] * 3
    assert rows["wait"] == ["150 µs"] * 3
    assert rows["solve"] == ["8.55 ms"] * 3
    assert rows["total"] == ["49.2 ms"] * 3


def test_an_empty_store_waits_and_then_starts_by_itself(
    make_site: Callable[..., Site], page: Page
) -> None:
    site = make_site(history=0)
    page.open(site.url, phase="waiting")
    assert page.one("#waiting").is_displayed()
    assert "Waiting for the first decision" in page.one("#waiting").text
    assert not page.one("#panels").is_displayed()
    site.tell(state="warming_up", reason="30 rows are needed", rows_filled=12)
    page.until(lambda: "12 of 300 rows" in page.text("waiting-text"), "the progress")
    assert "30 rows are needed" in page.text("notices")
    site.append()
    page.until(lambda: page.phase() == "live", "the first decision")
    page.until(lambda: page.row() == site.decisions[-1].row, "its row")
    assert not page.one("#waiting").is_displayed()


def test_what_the_page_keeps_is_bounded(make_site: Callable[..., Site], page: Page) -> None:
    site = make_site(history=950)
    page.open(site.url + "/?range=960")
    kept = "return window.silverbullet.model.history.length"
    page.until(lambda: page.js(kept) == 950, "the whole history")
    for _ in range(6):
        site.append(50)
        page.until(lambda: page.row() == site.decisions[-1].row, "the newest row")
    assert page.js(kept) == 960
    assert len(page.all(".decisions tbody tr")) == 60
