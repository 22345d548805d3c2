"""By keyboard, at 400 pixels, and for those who hear the page."""

import itertools

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.site import Page, Site

pytestmark = pytest.mark.browser

LEAST_NAMED_SHARE = 0.001

_FOCUS = """
const e = document.activeElement;
const style = getComputedStyle(e);
const cell = e.closest('.ag-header-cell, .ag-cell');
return {
  name: e.id || e.dataset.range || (e.closest('.weight') && 'weight')
    || (e.closest('.decisions') && 'decision') || (cell && 'grid') || e.tagName,
  seen: style.outlineStyle !== 'none' || style.boxShadow !== 'none'
    || (cell !== null && getComputedStyle(cell, '::after').content !== 'none')
    || (cell !== null && getComputedStyle(cell).borderStyle !== 'none'),
  label: (e.getAttribute('aria-label') || e.textContent || '').trim(),
};
"""


def test_every_control_is_reached_and_seen_by_keyboard(site: Site, page: Page) -> None:
    page.open(site.url)
    reached = {}
    for _ in range(40):
        page.tab()
        focus = page.js(_FOCUS)
        reached[focus["name"]] = focus
        if "decision" in reached:
            break
    order = list(reached)
    wanted = [
        "skip",
        "to-portfolio",
        "to-engines",
        "pause",
        "theme",
        "weight",
        "60",
        "240",
        "960",
        "grid",
        "decision",
    ]
    assert [name for name in order if name in wanted] == wanted
    assert [name for name, focus in reached.items() if not focus["seen"]] == []
    assert all(reached[name]["label"] for name in wanted)


def test_keys_open_and_close_a_decision_and_focus_returns(site: Site, page: Page) -> None:
    page.visit(site)
    page.js("document.querySelector('.decisions tbody button').focus()")
    page.press(Keys.ENTER)
    page.until(lambda: page.one("#drawer").is_displayed(), "the drawer")
    for _ in range(8):
        page.tab()
        inside = page.js(
            "const e = document.activeElement;"
            "return e === document.body || document.getElementById('drawer').contains(e)"
        )
        assert inside, "focus left the open drawer"
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.one("#drawer").is_displayed(), "the drawer to close")
    assert page.js("return !!document.activeElement.closest('.decisions')")


def test_letters_pause_and_change_the_theme(site: Site, page: Page) -> None:
    page.visit(site)
    page.press("p")
    assert page.attribute("pause", "aria-pressed") == "true"
    page.press("p")
    assert page.attribute("pause", "aria-pressed") == "false"
    page.press("t")
    assert page.js("return document.documentElement.dataset.theme") == "light"


def test_the_grid_sorts_and_selects_by_keyboard(site: Site, page: Page) -> None:
    page.visit(site)
    page.js("document.querySelector('.ag-header-cell[col-id=volatility]').focus()")
    page.press(Keys.ENTER)
    page.until(lambda: page.query() == {"sort": "volatility.desc"}, "the order")
    page.press(Keys.ARROW_DOWN)
    page.press(Keys.ENTER)
    page.until(lambda: "asset" in page.query(), "the asset of the first row")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_at_400_pixels_nothing_overflows(site: Site, page: Page, theme: str) -> None:
    page.resize(400, 800)
    page.open(f"{site.url}/?theme={theme}")
    width = "return document.documentElement.scrollWidth"
    assert page.js(width) <= 400
    sides = page.js(
        "return [...document.querySelectorAll('.panel, .figure, .top, .notices')]"
        ".map(e => e.getBoundingClientRect()).map(r => [r.left, r.right])"
    )
    assert all(left >= 0 and right <= 400 for left, right in sides)
    panels = page.js(
        "return [...document.querySelectorAll('#panels > .panel')]"
        ".map(e => Math.round(e.getBoundingClientRect().left))"
    )
    assert len(set(panels)) == 1, "the panels are not in one column"
    # What matters needs no swipe; the rest of the table scrolls inside its panel, and the symbol
    # stays in view.
    for column in ("weight", "change", "price", "state"):
        right = page.js(
            f"return document.querySelector('.assets .ag-cell[col-id={column}]')"
            ".getBoundingClientRect().right"
        )
        assert right <= 391, column
    page.js(
        "const v = document.querySelector('.assets .ag-center-cols-viewport');"
        "v.scrollLeft = v.scrollWidth"
    )
    symbol = page.js(
        "const r = document.querySelector('.assets .ag-cell[col-id=symbol]')"
        ".getBoundingClientRect(); return [r.left, r.right]"
    )
    assert 0 <= symbol[0] < symbol[1] <= 400
    page.js("document.querySelector('.decisions tbody button').click()")
    page.until(lambda: page.all("#drawer-body table"), "the drawer's tables")
    assert page.js(width) <= 400
    drawer = page.js(
        "const r = document.getElementById('drawer').getBoundingClientRect();"
        "return [r.left, r.right]"
    )
    assert drawer[0] >= 0
    assert drawer[1] <= 400


def test_every_band_of_the_weights_has_its_name_and_none_overlaps(site: Site, page: Page) -> None:
    page.visit(site)
    read = (
        "return [...document.querySelectorAll('#timeline .annotation-text')]"
        ".map(e => [e.textContent, e.getBoundingClientRect().top]).sort((a, b) => a[1] - b[1])"
    )
    last = site.decisions[-1]
    # Thinner bands, of a third of a pixel, have none: decisions differ from one minute to the next.
    shown = {s for s, w in zip(last.symbols, last.weights, strict=True) if w >= LEAST_NAMED_SHARE}
    page.until(lambda: {name for name, _ in page.js(read)} == shown, "the names")
    tops = [top for _, top in page.js(read)]
    assert len(tops) == len(shown) >= 2
    assert all(below - above >= 13 for above, below in itertools.pairwise(tops))


def test_the_page_names_its_parts(site: Site, page: Page) -> None:
    page.visit(site)
    unnamed = page.js(
        "return [...document.querySelectorAll('section, button, [role=img], dialog')]"
        ".filter(e => e.offsetParent && !e.closest('.ag-root-wrapper'))"
        ".filter(e => !(e.getAttribute('aria-label') || e.textContent.trim()"
        " || document.getElementById(e.getAttribute('aria-labelledby') || '')))"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert unnamed == []
    assert page.attribute("announce", "aria-live") == "polite"
    assert "expected return" in (page.attribute("cloud-box", "aria-label") or "")
