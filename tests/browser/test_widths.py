"""At each width that people have, nothing is cut and the page does not scroll sideways."""

import pytest

from storage.records import AssetState, EngineState
from tests.browser.site import Page, Site

pytestmark = pytest.mark.browser

# Of every panel and figure: what does not fit into it, what sticks out of the page.
_CUT = """
const wide = (e) => e.scrollWidth > e.clientWidth + 1;
const found = [];
if (wide(document.documentElement)) found.push('the page scrolls sideways');
for (const e of document.querySelectorAll('.panel, .figure, .top, .notices, .top *, .figure *')) {
  const { left, right } = e.getBoundingClientRect();
  if (e.offsetParent && !e.closest('.hidden') && (left < 0 || right > innerWidth)) {
    found.push(`${e.id || e.className} sticks out`);
  }
}
for (const e of document.querySelectorAll('#page *')) {
  const style = getComputedStyle(e);
  const cuts = style.overflowX !== 'visible' && e.offsetParent;
  if (cuts && wide(e) && !e.children.length && !e.closest('.hidden, .skip')) {
    found.push(`cut: ${e.className} ${e.textContent}`);
  }
}
for (const id of ['engine', 'stages', 'decisions', 'weights']) {
  const e = document.getElementById(id);
  if (wide(e)) found.push(`${id} is too narrow`);
  if (id !== 'decisions' && e.scrollHeight > e.clientHeight + 1) found.push(`${id} is too low`);
  const panel = e.closest('.panel').getBoundingClientRect();
  for (const one of e.querySelectorAll('.engine, .counts, .stages')) {
    if (one.getBoundingClientRect().bottom > panel.bottom) found.push(`${id} is cut below`);
  }
}
return found;
"""
_TABLE = """
const columns = document.querySelector('.assets .ag-center-cols-viewport');
const panel = document.getElementById('assets-panel').getBoundingClientRect();
const last = document.querySelector('.assets .ag-cell[col-id=state]').getBoundingClientRect();
return [columns.scrollWidth - columns.clientWidth, panel.right - last.right];
"""
_WHY = """
const cell = document.querySelector('.assets .ag-row .state.out').getBoundingClientRect();
const why = document.querySelector('.assets .state.out .why').getBoundingClientRect();
return [why.right <= cell.right && why.bottom <= cell.bottom, why.top >= cell.bottom - 2];
"""
REASON = "no tick for 270 rows; it leaves after 120"


def engines(n: int) -> tuple[EngineState, ...]:
    return tuple(
        EngineState(
            name=f"engine-{index}",
            state="failed" if index else "ready",
            dispatch="tasks",
            workers=2,
            reason="its host process ended with exit code 137 and is being started again" * 2,
            blocks_in_flight=3,
            blocks_done=123_456,
            restarts=index,
        )
        for index in range(n)
    )


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_is_cut_at_any_width(odd_site: Site, page: Page, theme: str) -> None:
    page.prefer(theme)
    page.visit(odd_site)
    gone = AssetState(
        symbol="GONEUSDT", state="stale", reason=REASON, price=3.5, last_event_time_ns=10**9
    )
    trouble = {"engines": engines(3), "assets": (gone,)}
    state = ".assets .ag-row[row-id='GONEUSDT'] .state.out"
    page.until(lambda: odd_site.telling(**trouble) and page.all(state), "its row")
    for width, height in ((400, 860), (1261, 800), (1280, 800), (1600, 900), (1920, 1080)):
        page.resize(width, height)
        page.until(lambda: page.js(_CUT) == [], f"room at {width}: {page.js(_CUT)}")
        if width < 1260:
            continue
        page.until(
            lambda: page.js(_TABLE)[0] <= 0 <= page.js(_TABLE)[1],
            f"all columns of the table at {width}: {page.js(_TABLE)}",
        )
        # Where the reason has no room it is left to the tooltip, rather than cut.
        assert page.js("return arguments[0].textContent", page.one(state)) == f"stale: {REASON}"
        whole, out_of_sight = page.js(_WHY)
        assert whole != out_of_sight
        assert whole or width < 1900
    assert page.one(".panel #engine .engine-reason").is_displayed()
