"""An engine's way back: canaries over a hold time that doubles with each relapse."""

from hypothesis import given
from hypothesis import strategies as st

from optimize.engines.health import Health
from optimize.engines.moves import Policy

S = 1_000_000_000
POLICY = Policy(canaries=3, hold_ns=2 * S, longest_hold_ns=16 * S, canary_limit_ns=S)


def answer_canaries(health: Health, now_ns: int, answer_ns: int = 1_000) -> int:
    """Answer every canary well until it is trusted; give when that was."""
    token = 0
    while not health.ready:
        assert health.next_ns is not None
        now_ns = max(now_ns, health.next_ns)
        token += 1
        if health.timer(now_ns, token):
            now_ns += answer_ns
            health.answered(now_ns, token, True, "")
    return now_ns


def test_engine_is_trusted_at_once_only_the_first_time() -> None:
    health = Health(POLICY)
    assert health.account() == "is starting"
    health.came(0)
    assert health.ready
    health.gone(S, "silent")
    assert health.account() == "failed (silent)"
    assert health.account(is_coming=True) == "is starting again after a failure (silent)"
    health.came(2 * S)
    assert not health.ready


def test_failing_to_start_is_no_relapse() -> None:
    health = Health(POLICY)
    health.gone(0, "no memory")
    health.gone(S, "no memory")
    health.came(2 * S)
    assert health.ready


def test_hold_time_doubles_with_each_relapse_up_to_the_longest() -> None:
    health = Health(POLICY)
    health.came(0)
    now_ns, holds = 0, []
    for _ in range(6):
        health.gone(now_ns, "killed")
        came_ns = now_ns + 100
        health.came(came_ns)
        now_ns = answer_canaries(health, came_ns)
        holds.append((now_ns - came_ns) // S)
    assert holds == [2, 4, 8, 16, 16, 16]


def test_relapses_are_forgiven_after_eight_good_hold_times() -> None:
    health = Health(POLICY)
    health.came(0)
    health.gone(1, "killed")
    health.came(2)
    now_ns = answer_canaries(health, 2)
    health.gone(now_ns + 8 * 2 * S, "killed")
    assert health.hold_ns == 2 * S


def test_wrong_or_missing_canary_answer_begins_again_with_a_longer_hold() -> None:
    health = Health(POLICY)
    health.came(0)
    health.distrust(0, "did not answer")
    assert health.timer(2 * S, 1)
    health.answered(2 * S, 1, False, "other bits")
    assert health.hold_ns == 4 * S
    assert "other bits" in health.account()
    assert not health.timer(5 * S, 2)  # the hold comes first
    assert health.timer(6 * S, 3)
    assert not health.timer(7 * S, 4)  # unanswered for a second
    assert health.hold_ns == 8 * S
    assert "not answered" in health.account()


def test_answer_to_an_older_canary_says_nothing() -> None:
    health = Health(POLICY)
    health.came(0)
    health.gone(0, "killed")
    health.came(0)
    assert health.timer(0, 1)
    health.gone(1, "killed")
    health.came(2)
    assert health.timer(2, 2)
    health.answered(3, 1, False, "old")
    assert "0 of 3" in health.account()
    assert health.hold_ns == 4 * S


@given(st.lists(st.sampled_from(["came", "gone", "distrust", "timer", "good", "bad"]), max_size=60))
def test_never_trusted_again_without_enough_canaries_over_the_hold(events: list[str]) -> None:
    health = Health(POLICY)
    health.came(0)
    good, since_ns, token, was_ready = 0, 0, 0, True
    for index, event in enumerate(events):
        now_ns = (index + 1) * S // 2
        if event in {"came", "gone"}:
            getattr(health, event)(*((now_ns,) if event == "came" else (now_ns, "x")))
        elif event == "distrust":
            health.distrust(now_ns, "x")
        elif event == "timer":
            token += health.timer(now_ns, token + 1)
        else:
            was_pending = health._token == token and token > 0
            health.answered(now_ns, token, event == "good", "x")
            good += event == "good" and was_pending
        if was_ready and not health.ready:
            good, since_ns = 0, now_ns
        if health.ready and not was_ready:
            assert good >= 3
            assert now_ns - since_ns >= POLICY.hold_ns
        was_ready = health.ready
