"""What is wrong is said plainly, and the page recovers by itself."""

import http.client
from collections.abc import Callable

import msgspec
import pytest

from storage.records import AssetState, EngineState
from tests.browser.site import WAIT_S, Page, Site
from tests.factories import SECOND_NS
from ui.dashboard.attributes import NO_VALUE

pytestmark = pytest.mark.browser


def engine(name: str, state: str, reason: str) -> EngineState:
    return EngineState(
        name=name,
        state=state,  # type: ignore[arg-type]
        dispatch="tasks",
        workers=2,
        reason=reason,
        blocks_in_flight=0,
        blocks_done=5,
        restarts=1,
    )


def test_failures_losses_and_rejections_are_told(site: Site, page: Page) -> None:
    page.visit(site)
    page.until(
        lambda: site.telling() and "Deciding when a row of 1 s closes" in page.text("notices"),
        "calm",
    )
    trouble = {
        "engines": (engine("ray", "failed", "exit code 137"),),
        "lost_offsets": 1423,
        "rejected": {"price": 7, "not_json": 5},
        "last_rejection": "price=-3.0 for BTCUSDT at ticks[0]@5012: must be > 0",
    }
    site.tell(**trouble)
    page.until(lambda: "Engine ray failed: exit code 137" in page.text("notices"), "the engine")
    told = page.text("notices")
    assert "1\u202f423 offsets" in told
    assert "price=-3.0 for BTCUSDT" in told
    assert "12 in all (7 price, 5 not_json)" in told
    spoken = page.text("announce")
    assert "Engine ray failed" in spoken
    assert "exit code 137" in page.text("engine")
    site.tell(**(trouble | {"rejected": {"price": 8, "not_json": 5}}))
    page.until(lambda: "13 in all" in page.text("notices"), "the new count")
    assert page.text("announce") == spoken, "a running number was read out again"


def test_more_notices_than_fit_are_folded_not_dropped(site: Site, page: Page) -> None:
    page.visit(site)
    notices = tuple(f"notice {index}" for index in range(7))
    page.until(
        lambda: site.telling(notices=notices) and page.text("more-notices") == "3 more",
        "the fold",
    )
    assert "notice 6" not in page.text("notices")
    page.one("#more-notices").click()
    page.until(lambda: "notice 6" in page.text("notices"), "all notices")


def test_a_degraded_decision_and_a_lost_asset_are_told(site: Site, page: Page) -> None:
    page.visit(site)
    gone = AssetState(
        symbol="GONEUSDT",
        state="stale",
        reason="no tick for 120 rows",
        price=3.5,
        last_event_time_ns=site.row * 10**9,
    )
    site.append(engine="local", degraded=True, engine_reason="ray is not ready")
    told = "Degraded, decided on local: ray is not ready"
    page.until(lambda: told in page.text("notices"), "the degradation")
    told = "GONEUSDT is not in the universe: no tick for 120 rows"
    page.until(
        lambda: site.telling(assets=(gone,)) and told in page.text("notices"), "the asset lost"
    )
    page.until(lambda: page.all(".assets .ag-row[row-id='GONEUSDT'] .state.out"), "its row")
    assert "degraded" in page.one(".decisions tbody tr").text


def test_why_the_portfolio_is_so_and_who_decided_are_told_apart(site: Site, page: Page) -> None:
    starting = {"engines": (engine("ray", "starting", "is starting"),)}
    portfolio = "no portfolio has a positive expected return: minimum variance instead"
    page.visit(site)
    site.append(
        engine="local",
        degraded=True,
        reason=portfolio,
        engine_reason="ray is starting; local decides",
        status=starting,
    )

    def told() -> list[str]:
        return [row.text for row in page.all("#notices .notice-text")]

    wanted = [
        "Engine ray is starting; local decides until it is ready",
        portfolio[0].upper() + portfolio[1:],
    ]
    page.until(lambda: site.telling(**starting) and told() == wanted, "one notice for each")
    site.append(
        engine="local",
        degraded=True,
        reason=portfolio,
        engine_reason="ray owed 3 blocks after 900 ms",
    )
    wanted = ["Degraded, decided on local: ray owed 3 blocks after 900 ms", wanted[1]]
    page.until(lambda: site.telling() and told() == wanted, "the graver one first")


def test_decisions_long_after_their_ticks_are_told(odd_site: Site, page: Page) -> None:
    site = odd_site
    page.visit(site)
    times = site.decisions[-1].times
    late = msgspec.structs.replace(times, event_ns=times.event_ns - 12 * SECOND_NS)
    site.append(times=late)
    page.until(
        lambda: site.telling() and "Behind: decisions come late" in page.text("notices"),
        "the notice",
    )
    assert "the newest by 12 s" in page.text("notices")
    site.append()
    page.until(lambda: site.telling() and "Behind" not in page.text("notices"), "the recovery")


def test_ticks_from_the_future_give_no_negative_times(odd_site: Site, page: Page) -> None:
    site = odd_site
    page.open(site.url + "/?range=60")
    for _ in range(60):
        times = site.decisions[-1].times
        shifted = {
            name: getattr(times, name) + 301 * SECOND_NS for name in ("event_ns", "message_ns")
        }
        site.append(times=msgspec.structs.replace(times, **shifted))
    page.until(lambda: page.row() == site.decisions[-1].row, "the newest row")
    page.until(
        lambda: site.telling() and "Ticks are ahead of the clock" in page.text("notices"),
        "the notice",
    )
    # tests/factories.py: 9.2 ms from receipt to publication.
    page.until(lambda: page.text("figure-latency") == "9.20 ms", "latency from receipt")
    assert "from receipt" in page.text("figure-latency-note")
    stages = {row.text.split()[0]: row.text for row in page.all(".stages tbody tr")}
    assert stages["kafka"].split()[1:] == [NO_VALUE] * 3
    assert "8.55 ms" in stages["solve"]
    minus = "\u2212"
    assert minus not in page.text("stages") + page.text("decisions") + page.text("fact-age")


def test_a_failed_engine_is_told_with_what_is_done_about_it(site: Site, page: Page) -> None:
    page.visit(site)
    reason = "failed (host stopped: timed out); is starting"
    site.append(
        engine="local",
        degraded=True,
        engine_reason="ray failed (host stopped: timed out); local decides",
        status={"engines": (engine("ray", "failed", reason),)},
    )
    told = (
        "Engine ray failed: host stopped: timed out; is starting; local decides until it is ready"
    )
    page.until(
        lambda: [row.text for row in page.all("#notices .notice-text")] == [told], "one notice"
    )


def test_silence_of_the_run_is_stale_without_any_event(site: Site, page: Page) -> None:
    page.visit(site)
    page.until(lambda: page.text("state") == "stale", "the page to notice the silence")
    assert "silverbullet run does not report" in page.text("notices")
    site.append()
    page.until(lambda: page.text("state") == "deciding", "the page to recover")


def test_a_run_that_reports_but_does_not_decide_is_stale(old_site: Site, page: Page) -> None:
    site = old_site
    page.visit(site)
    page.until(
        lambda: site.telling() and "Stale: no new decision" in page.text("notices"), "the notice"
    )
    assert page.text("state") == "stale"


def test_a_run_started_again_is_told_until_it_decides(old_site: Site, page: Page) -> None:
    site = old_site
    page.visit(site)
    since = site.decisions[-1].times.published_ns + 30 * SECOND_NS
    again = {"state": "stale", "reason": "the last decision stands: no tick yet"}
    page.until(
        lambda: (
            site.telling(started_ns=since, **again) and "was started again" in page.text("notices")
        ),
        "the notice",
    )
    assert "no tick yet" not in page.text("notices")


def test_stale_from_the_run_is_told_with_its_reason(site: Site, page: Page) -> None:
    page.visit(site)
    site.tell(state="stale", reason="no symbol has ticked for 120 rows")
    page.until(lambda: page.text("state") == "stale", "the state")
    page.until(lambda: "no symbol has ticked for 120 rows" in page.text("notices"), "the reason")


def test_a_lost_server_is_shown_and_the_gap_is_filled(
    make_site: Callable[..., Site], page: Page
) -> None:
    site = make_site()
    page.errors_expected = True  # the browser logs refused connections itself
    page.open(site.url)
    port = site.port
    site.stop()
    page.until(lambda: page.text("link") == "disconnected", "the loss")
    page.until(lambda: "Disconnected from the server" in page.text("notices"), "the notice")
    site.append(5)
    site.start(port)
    page.until(lambda: page.text("link") == "live", "the reconnection")
    page.until(lambda: page.row() == site.decisions[-1].row, "the newest row")
    rows = page.js("return window.silverbullet.model.history.slice(-8).map(item => item.row)")
    assert rows == [decision.row for decision in site.decisions[-8:]]


def test_a_page_without_a_free_stream_says_so(make_site: Callable[..., Site], page: Page) -> None:
    site = make_site(streams=1)
    page.errors_expected = True  # the browser logs the 503 itself
    taken = http.client.HTTPConnection("127.0.0.1", site.port, timeout=WAIT_S)
    taken.request("GET", "/api/v1/stream")
    assert taken.getresponse().status == 200
    page.driver.get(site.url)
    page.until(lambda: page.attribute("page", "data-link") == "disconnected", "the refusal")
    page.until(lambda: "no free stream" in page.text("notices"), "the plain reason")
    page.until(lambda: page.row() == site.decisions[-1].row, "the figures all the same")
    taken.close()
    page.until(lambda: page.text("link") == "live", "the stream that became free")
