"""The page draws what is stored, and moves when more is."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.browser.site import ASSETS, Page, Site
from tests.factories import make_curve, make_symbols
from ui.dashboard.attributes import NO_VALUE

pytestmark = pytest.mark.browser
YEAR_S = 365 * 24 * 3600  # rows of one second


def number(text: str) -> float:
    """Read a figure as the page writes it."""
    cleaned = text.replace("\u202f", "").replace("\u2212", "-")
    return float("".join(c for c in cleaned if c in "0123456789.-"))


def test_the_page_moves_with_new_decisions(site: Site, page: Page) -> None:
    page.visit(site)
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
    page.visit(site)
    newest = site.decisions[-1]
    page.until(lambda: page.row() == newest.row, "the newest row")
    root = math.sqrt(YEAR_S)
    shown_return = number(page.text("figure-return"))
    assert shown_return == pytest.approx(100 * newest.expected_return * YEAR_S, rel=1e-4, abs=0.06)
    shown_volatility = number(page.text("figure-volatility"))
    assert shown_volatility == pytest.approx(100 * newest.portfolio_volatility * root, abs=0.06)
    assert number(page.text("figure-sharpe")) == pytest.approx(newest.sharpe * root, abs=0.06)
    returned, per = page.text("figure-return-note").split(" per ")
    digits, *power = returned.split(" \u00d7 10\u207b")
    scale = 10 ** -"⁰¹²³⁴⁵⁶⁷⁸⁹".index(power[0][0]) if power else 1
    assert number(digits) * scale == pytest.approx(100 * newest.expected_return, rel=0.006)
    assert per == "1 s"
    ratio, error = page.text("figure-sharpe-note").split(" ± ")
    assert number(ratio) == pytest.approx(newest.sharpe, rel=0.006)
    assert float(error.split()[0]) == pytest.approx(newest.sharpe_stddev, rel=0.06)
    assert page.one(".figure .unit").text == "a year"
    took = newest.times.published_ns - newest.times.event_ns
    assert number(page.text("figure-latency")) == pytest.approx(took / 1e6, abs=0.1)


def test_table_and_weights_hold_each_asset(site: Site, page: Page) -> None:
    page.visit(site)
    newest = site.decisions[-1]
    first = f".assets .ag-row[row-id='{newest.symbols[0]}'] .ag-cell[col-id='weight']"
    page.until(
        lambda: number(page.one(first).text) == pytest.approx(100 * newest.weights[0], abs=0.006),
        "the newest weights in the table",
    )
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
        mean = newest.mean[newest.symbols.index(symbol)]
        shown = rows[symbol].find_element("css selector", ".ag-cell[col-id='mean'] span")
        assert shown.get_attribute("class") == ("up" if mean > 0 else "down")
        assert np.sign(number(shown.text)) == np.sign(mean)
        bar = page.one(f".weight[data-symbol='{symbol}'] .number")
        assert number(bar.text) == pytest.approx(100 * weight, abs=0.006)


def test_cloud_frontier_portfolio_and_assets_are_drawn(site: Site, page: Page) -> None:
    page.visit(site)
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
    assert any(symbol in drawn for symbol in make_symbols(ASSETS))


PLOT = "document.querySelector('#cloud .js-plotly-plot')"


def drawn_assets(page: Page) -> dict[str, Any]:
    """Give the trace of the assets as the chart holds it; its custom data name them."""
    return page.js(f"return {PLOT}.data.find(trace => trace.customdata)")


def test_assets_lie_where_the_estimates_that_decide_put_them(site: Site, page: Page) -> None:
    far = np.full(ASSETS, 50.0)  # sample values that would be far off the axis
    site.append(mean=far, volatility=far)
    newest = site.decisions[-1]
    page.visit(site)
    page.until(lambda: page.row() == newest.row, "the newest row")
    x = newest.estimated_volatility * math.sqrt(YEAR_S)
    page.until(
        lambda: list(drawn_assets(page)["x"]) == pytest.approx(list(x), rel=1e-12),
        "the chart of the newest row",
    )
    found = drawn_assets(page)
    assert [row[0] for row in found["customdata"]] == list(newest.symbols)
    assert found["y"] == pytest.approx(newest.estimated_mean * YEAR_S, rel=1e-12)
    for axis in "xy":
        low, high = page.js(f"return {PLOT}.layout.{axis}axis.range")
        assert all(low < value < high for value in found[axis]), f"an asset is off the {axis} axis"
    assert "by the optimiser's estimates" in page.text("cloud-caption")
    # The table keeps the sample's, and says so.
    assert "sample return" in page.text("assets-caption")
    sample = ".assets .ag-row .ag-cell[col-id='mean']"
    page.until(lambda: page.one(sample).text == "1.6e+11 %", "the sample's return")


def test_the_picture_is_of_one_row_when_curves_come_later(site: Site, page: Page) -> None:
    site.append()
    before, row = site.decisions[-1], site.row - 1
    site.append(cloud=make_curve(row, 40), frontier=make_curve(row, 24))
    page.visit(site)
    page.until(lambda: page.row() == row + 1, "the newest row")
    page.until(
        lambda: drawn_assets(page)["y"] == pytest.approx(before.estimated_mean * YEAR_S),
        "the assets of the row that the curves are of",
    )
    portfolio = page.js(f"return {PLOT}.data.find(t => t.text && t.text[0] === 'portfolio')")
    assert portfolio["y"] == pytest.approx([before.expected_return * YEAR_S])


def test_an_exact_decision_shows_no_error_of_weights(site: Site, page: Page) -> None:
    zeros = np.zeros(ASSETS)
    site.append(method="exact", n_draws=0, weight_stddev=zeros, sharpe_stddev=None)
    page.visit(site)
    page.until(lambda: page.row() == site.decisions[-1].row, "the newest row")
    cells = page.all(".assets .ag-cell[col-id='stddev']")
    assert {cell.text for cell in cells} == {NO_VALUE}
    assert "±" not in page.text("figure-sharpe-note") + page.one("#weights .list").text


def test_latency_by_stage_is_that_of_the_decisions(site: Site, page: Page) -> None:
    page.visit(site)
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
