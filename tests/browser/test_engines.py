"""The engines page: it shows what is recorded, and asks for what an admin clicks."""

import time
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from storage.control import ControlState
from storage.records import EngineState, EngineWish, SwitchState, WorkerState
from tests.browser.site import Page
from tests.browser.steered import SteeredSite
from tests.factories import SECOND_NS
from ui.dashboard.attributes import NO_VALUE

pytestmark = pytest.mark.browser
STANDS_BY = "stands by: it starts when ray is out for 20 s"


def state(name: str, phase: str = "ready", **changes: Any) -> EngineState:
    fields = {
        "dispatch": "threads" if name == "local" else "tasks",
        "workers": 2,
        "reason": "",
        "blocks_in_flight": 3,
        "blocks_done": 4000,
        "restarts": 1,
        "peers": tuple(
            WorkerState(name=f"{name}-{i}", blocks_done=1990 + i, draws_per_s=51_000.4 + 1000 * i)
            for i in range(2)
        ),
        "job_p50_ms": 21.5,
        "job_p99_ms": 54.9,
    }
    return EngineState(name=name, state=phase, **(fields | changes))


STANDBY = state(
    "spark", "closed", workers=0, reason=STANDS_BY, peers=(), job_p50_ms=None, job_p99_ms=None
)
ENGINES = (state("ray"), STANDBY, state("local", job_p50_ms=8.9))


def show(page: Page, site: SteeredSite, **status: Any) -> None:
    """Open the engines page with ray deciding, as its newest status says."""
    site.append(engine="ray", peers=("ray-0", "ray-1"), status={"engines": ENGINES} | status)
    site.visit(page)
    page.until(lambda: page.one(".now-engine").text == "ray", "the engine that decides")


def figures(page: Page, name: str) -> dict[str, str]:
    pairs = page.all(f".engine-card[data-engine={name}] .engine-figures div")
    return dict(pair.text.split("\n") for pair in pairs)


def test_engines_and_workers_are_shown_and_move(steered: SteeredSite, page: Page) -> None:
    show(page, steered)
    assert page.text("now").count("tasks: scheduled by ray") == 1
    cards = [card.get_attribute("data-engine") for card in page.all(".engine-card")]
    assert cards == ["ray", "spark", "local"]
    shown = figures(page, "ray")
    assert shown["dispatch"] == "tasks"
    assert shown["in flight"] == "3"
    assert shown["blocks done"] == "4\u202f000"
    assert shown["restarts"] == "1"
    assert (shown["job p50"], shown["job p99"]) == ("21.5 ms", "54.9 ms")
    assert "same block" not in shown  # engines are not compared
    rows = [row.text for row in page.all(".engine-card[data-engine=ray] .workers tbody tr")]
    assert rows == ["ray-0 1\u202f990 51\u202f000", "ray-1 1\u202f991 52\u202f000"]
    spark = page.one(".engine-card[data-engine=spark]")
    assert "stands by" in spark.find_element("css selector", ".engine-state").text
    assert STANDS_BY in spark.text
    assert figures(page, "spark")["job p50"] == NO_VALUE
    peers = (*ENGINES[0].peers, WorkerState(name="ray-7", blocks_done=0, draws_per_s=0.0))
    compared = state("ray", dispatch="resident", workers=3, peers=peers, canary_ms=1.25)
    more = (compared, *ENGINES[1:])
    steered.append(
        engine="ray",
        degraded=True,
        engine_reason="ray owed 3 blocks after 900 ms",
        status={"engines": more},
    )
    page.until(lambda: figures(page, "ray")["workers"] == "3", "the third worker")
    assert figures(page, "ray")["same block"] == "1.25 ms"
    assert f"ray-7 0 {NO_VALUE}" in page.one(".engine-card[data-engine=ray] .workers").text
    told = page.text("now")
    assert "resident: our own dispatch on workers that ray placed" in told
    assert "ray owed 3 blocks after 900 ms" in told
    assert "degraded" in page.one(".now-head").text


def test_while_the_engine_of_the_newest_decision_comes_up_again_the_ready_one_is_said_to_decide(
    steered: SteeredSite, page: Page
) -> None:
    show(page, steered)
    away = (state("ray", "starting", workers=0, reason="is starting", peers=()), *ENGINES[1:])
    steered.tell(engines=away)
    page.until(lambda: page.one(".now-engine").text == "local", "the engine that is ready")
    assert "degraded" in page.one(".now-head").text
    shown = [card for card in page.all(".engine-card") if "decides" in card.text.split("\n")]
    assert [card.get_attribute("data-engine") for card in shown] == ["local"]
    page.one("#to-portfolio").click()
    page.until(lambda: page.text("fact-engine") == "local", "the header's engine")


def test_switches_and_latency_over_time_are_drawn(steered: SteeredSite, page: Page) -> None:
    now_ns = time.time_ns()
    switches = tuple(
        SwitchState(time_ns=now_ns - ago * SECOND_NS, old=old, new=new, cause=cause)
        for ago, old, new, cause in (
            (100, "", "local", "local is ready"),
            (75, "local", "ray", "ray is ready"),
        )
    )
    show(page, steered, switches=switches)
    rows = [row.text for row in page.all("#switches tbody tr")]
    assert [row.split(" ", 1)[1] for row in rows] == [
        "local → ray 1 min 15 s ray is ready",
        "start → local 25 s local is ready",
    ]
    widths = page.js(
        "return [...document.querySelectorAll('.segment')].map(e => [e.dataset.engine,"
        " e.getBoundingClientRect().width / e.parentElement.clientWidth])"
    )
    assert [name for name, _ in widths] == ["local", "ray"]
    assert [share for _, share in widths] == pytest.approx([0.25, 0.75], abs=0.02)
    page.until(
        lambda: steered.telling(engines=ENGINES) and page.all("#jobs-box .scatterlayer .trace"),
        "the lines",
    )
    drawn = "return document.getElementById('jobs-box').data.map(t => [t.name, t.y.at(-1)])"
    lines = dict(page.js(drawn))
    assert lines == {"ray p50": 21.5, "ray p99": 54.9, "local p50": 8.9, "local p99": 54.9}
    rows = page.all("#jobs tbody tr")
    bars = [" ".join(row.text.split()) for row in rows]
    assert bars[:2] == ["ray 21.5 ms 54.9 ms", f"spark {NO_VALUE} {NO_VALUE}"]
    assert [row.get_attribute("data-idle") is not None for row in rows] == [False, True, True]
    anew = (state("ray", job_p50_ms=None, job_p99_ms=None), *ENGINES[1:])
    page.until(
        lambda: steered.telling(engines=anew) and "as of" in rows[0].get_attribute("title"),
        "the last figures of engines that begin anew",
    )
    assert "21.5 ms 54.9 ms" in rows[0].text
    page.until(
        lambda: steered.telling(engines=ENGINES[1:]) and len(page.all("#cards > *")) == 2,
        "an engine less",
    )
    assert "ray\n21.5 ms 54.9 ms" in page.one("#jobs tbody").text


def test_what_admins_asked_for_is_listed(steered: SteeredSite, page: Page) -> None:
    controls = tuple(
        ControlState(
            id=f"c{i}", time_ns=SECOND_NS * (60 + i), who=who, wish=wish, state=phase, reason=why
        )
        for i, (who, wish, phase, why) in enumerate(
            (
                ("boss", "workers 3", "replaced", "a later control came"),
                ("root (command line)", "engines spark", "waiting", ""),
                ("", "", "refused", "control[0]@7 is no control"),
            )
        )
    )
    change = "changing to spark, local (tasks, 2 workers): spark is starting"
    wanted = EngineWish(order=("spark", "local"), dispatch="tasks", workers=2, who="root")
    show(page, steered, controls=controls, change=change, wanted=wanted, fingerprint="1d9b")
    assert "spark, local; tasks, 2 workers: asked for by root" in page.text("now")
    assert "1d9b" in page.text("now")
    rows = [row.text.replace("\n", " ") for row in page.all("#asked tbody tr")]
    assert rows == [
        f"00:01:02 {NO_VALUE} {NO_VALUE} refused control[0]@7 is no control",
        "00:01:01 root (command line) engines spark waiting",
        "00:01:00 boss workers 3 replaced a later control came",
    ]
    assert change in page.text("now")
    page.one("#to-portfolio").click()
    page.until(lambda: page.one("#panels").is_displayed(), "the main page")
    assert "Changing to spark, local (tasks, 2 workers)" in page.text("notices")
    steered.tell(state="paused", reason="paused by boss", engines=ENGINES)
    page.until(lambda: "No decisions are made: paused by boss" in page.text("notices"), "the pause")
    assert page.text("state") == "run paused"


def test_records_without_the_new_fields_show_nothing(steered: SteeredSite, page: Page) -> None:
    bare = EngineState(
        name="ray", state="ready", dispatch="tasks", workers=2, reason="",
        blocks_in_flight=0, blocks_done=5, restarts=0,
    )  # fmt: skip
    show(page, steered, engines=(bare,))
    assert "No switch on record" in page.text("switches")
    assert "Nobody has asked" in page.text("asked")
    assert not page.all(".engine-card .workers table")
    assert figures(page, "ray")["job p99"] == NO_VALUE


def test_one_key_or_link_changes_the_page_and_back_returns(
    steered: SteeredSite, page: Page
) -> None:
    steered.append(status={"engines": ENGINES})
    page.open(steered.url + "/?theme=light")
    page.press("e")
    page.until(lambda: page.one("#engines").is_displayed(), "the engines")
    assert page.query() == {"view": "engines", "theme": "light"}
    assert page.attribute("to-engines", "aria-current") == "page"
    assert not page.one("#cloud-panel").is_displayed()
    page.until(lambda: page.all("#jobs-box .main-svg"), "the lines")
    page.driver.back()
    page.until(lambda: page.one("#cloud-panel").is_displayed(), "the portfolio")
    assert page.query() == {"theme": "light"}
    page.resize(800, 900)
    page.js("document.getElementById('to-engines').focus()")
    page.press(Keys.ENTER)
    page.until(
        lambda: (
            page.one("#jobs-box .main-svg").size["width"] == page.one("#jobs-box").size["width"]
        ),
        "the lines as wide as the window has become",
    )
    row = page.row()
    steered.append()
    page.until(lambda: page.row() == row + 1, "the stream goes on")
    page.one("#to-portfolio").click()
    page.until(lambda: page.row() == row + 1 and page.all("#timeline .trace"), "the charts")


_CUT = """
const found = [];
if (document.documentElement.scrollWidth > innerWidth) found.push('the page scrolls sideways');
for (const e of document.querySelectorAll('#engines *, .top *')) {
  const { left, right, width } = e.getBoundingClientRect();
  if (!width || e.closest('svg')) continue;
  if (left < 0 || right > innerWidth + 1) found.push(`${e.className} sticks out`);
  const leaf = !e.children.length && e.textContent && !e.matches('.segment, .caption');
  if (leaf && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible')
    found.push(`cut: ${e.textContent}`);
}
return found;
"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_at_each_width_nothing_is_cut(steered: SteeredSite, page: Page, theme: str) -> None:
    long = "its host process ended with exit code 137 and is being started again " * 2
    failed = state("spark", "failed", reason=long, workers=256, blocks_done=123_456_789)
    change = f"changing to ray, spark, local (resident, 256 workers): {long}"
    switch = SwitchState(time_ns=time.time_ns(), old="spark", new="ray", cause=long)
    page.prefer(theme)
    show(page, steered, engines=(ENGINES[0], failed, ENGINES[2]), change=change, switches=(switch,))
    if theme == "dark":
        steered.log_in(page, steered.admin)
    for width in (400, 760, 1000, 1280, 1920):
        page.resize(width, 900)
        assert page.js(_CUT) == [], f"at {width} pixels"


def test_the_session_s_latencies_are_bounded(steered: SteeredSite, page: Page) -> None:
    show(page, steered)
    kept = page.js(
        "const { jobs, model } = window.silverbullet;"
        "for (let k = 1; k <= 20000; k += 1)"
        "  jobs.remember({ ...model.status, time_ns: model.status.time_ns + k * 1e9 });"
        "return jobs.kept()"
    )
    assert 300 < kept < 720
