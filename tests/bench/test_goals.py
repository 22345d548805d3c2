import numpy as np
import pytest

from bench.goal_tables import GOALS
from bench.goals import (
    BEST,
    Goal,
    Verdict,
    case_takes_at_least,
    case_takes_at_most,
    is_at_most,
    judge_goals,
    peer_takes,
    takes_at_most,
    varies_at_most,
)
from bench.rows import Row, make_row


def a_row(subject: str, *runs: float, case: str = "job", unit: str = "us") -> Row:
    return make_row(case, subject, unit, [[run] for run in runs])


def judge(goal: Goal, *rows: Row) -> Verdict:
    (verdict,) = judge_goals([goal], rows)
    return verdict


def test_a_peer_is_judged_by_the_ratios_within_the_repetitions():
    rows = a_row("silverbullet", 1.0, 10.0, 4.0), a_row("polars, four", 2.0, 10.0, 16.0)
    verdict = judge(peer_takes("job", 1.0, "polars"), *rows)
    assert (verdict.value, verdict.who) == (2.0, "")
    assert (verdict.spread, verdict.interval) == ((1.0, 4.0), None)
    assert verdict.spread_text() == "1.00 to 4.00 (range)"
    assert (verdict.outcome, verdict.by()) == ("met", "2.0x to spare")


@pytest.mark.parametrize(
    ("at_least", "outcome", "by"),
    [
        (1.0, "met", "2.0x to spare"),  # the worst repetition meets it
        (1.6, "not decided", "median 1.25x to spare"),
        (2.5, "not decided", "median 1.25x short"),
        (5.0, "missed", "by 2.5x"),  # the best one misses it
    ],
)
def test_few_repetitions_are_judged_by_their_range(at_least: float, outcome: str, by: str):
    rows = a_row("silverbullet", 1.0, 10.0, 4.0), a_row("polars", 2.0, 10.0, 16.0)
    verdict = judge(peer_takes("job", at_least, "polars"), *rows)
    assert (verdict.outcome, verdict.by()) == (outcome, by)


def test_many_repetitions_are_judged_by_their_interval_which_leaves_a_stray_one_out():
    runs = [5.0, 5.1, 5.2, 5.3, 5.4, 5.5, 5.6, 5.7, 90.0]
    verdict = judge(is_at_most("job", 6.0, "us"), a_row("silverbullet", *runs))
    assert verdict.interval == (5.1, 5.7)
    assert (verdict.value, verdict.outcome) == (5.4, "met")
    few = judge(is_at_most("job", 6.0, "us"), a_row("silverbullet", *runs[-5:]))
    assert (few.value, few.outcome, few.interval) == (5.6, "not decided", None)


def test_of_several_peers_the_best_counts_and_is_named_but_never_a_floor():
    rows = (
        a_row("silverbullet", 1.0),
        a_row("slow", 9.0),
        a_row("quick, with a word", 3.0),
        a_row("bound", 0.5),
    )
    everyone = judge(peer_takes("job", 4.0), *rows)
    assert BEST in everyone.goal.says
    assert (everyone.value, everyone.who) == (3.0, "quick, with a word")
    assert everyone.outcome == "missed"
    some = judge(peer_takes("job", 4.0, "slow", "gone"), *rows)
    assert (some.value, some.who) == (9.0, "slow")
    assert judge_goals([peer_takes("job", 4.0, "qui")], rows) == []


def test_of_rates_more_is_better():
    rows = (
        a_row("silverbullet", 80.0, unit="draws a second"),
        a_row("one", 10.0, unit="draws a second"),
        a_row("other", 5.0, unit="draws a second"),
    )
    verdict = judge(peer_takes("job", 8.0), *rows)
    assert (verdict.value, verdict.who, verdict.outcome) == (8.0, "one", "met")


def test_a_floor_and_a_figure_are_judged_from_above():
    rows = a_row("silverbullet", 3.0, 3.0, 6.0), a_row("bound", 2.0, 2.0, 2.0)
    floor = judge(takes_at_most("job", 1.5, "bound"), *rows)
    assert (floor.outcome, floor.by()) == ("not decided", "median <1.001x to spare")
    tail = judge(takes_at_most("job", 1.5, "bound", "p99"), *rows)
    assert tail.value == pytest.approx(5.94 / 2.0)
    assert (tail.outcome, tail.spread_text()) == ("missed", "-")
    most = judge(is_at_most("job", 4.0, "us", "max"), *rows)
    assert (most.measured(), most.outcome, most.by()) == ("6.00 us", "missed", "by 1.50x")


def test_a_p99_over_anothers_is_that_within_the_repetitions_with_its_interval():
    rng = np.random.default_rng(1)

    def tailed(subject: str, *slow: float, values: int = 1_000) -> Row:
        runs = [np.repeat((1.0, one), (values - values // 20, values // 20)) for one in slow]
        return make_row("job", subject, "us", [rng.permutation(one) for one in runs])

    goal = takes_at_most("job", 1.5, "relay", "p99")
    rows = tailed("silverbullet", 2.0, 30.0, 6.0), tailed("relay", 2.0, 10.0, 4.0)
    verdict = judge(goal, *rows)
    assert (verdict.value, verdict.spread) == (1.5, (1.0, 3.0))
    # Of all values at once it is one figure, beside the median of the relay's three.
    few = tailed("silverbullet", 2.0, 30.0, 6.0, values=999), rows[1]
    assert judge(goal, *few).value == pytest.approx(30.0 / 4.0)
    assert judge(goal, *few).interval is None


def test_one_case_is_judged_beside_another_and_the_greatest_part_beside_the_least():
    rows = (
        a_row("silverbullet", 4.0, 6.0, 5.0),
        a_row("silverbullet", 2.0, 1.0, 4.0, 2.0, case="other"),
    )
    assert judge(case_takes_at_least("job", 2.0, "other"), *rows).value == 2.5
    at_most = judge(case_takes_at_most("job", 2.0, "other"), *rows)
    assert (at_most.spread, at_most.outcome) == ((1.0, 6.0), "not decided")
    assert judge(varies_at_most("job", 1.05, "part"), *rows).value == 1.5


def test_what_was_not_measured_is_not_judged():
    rows = (a_row("silverbullet", 1.0),)
    goals = (peer_takes("job", 1.0, "peer"), is_at_most("none", 1.0, "us"))
    assert judge_goals(goals, rows) == []
    assert judge_goals([case_takes_at_most("job", 1.0, "none")], rows) == []


def test_every_goal_is_said_once():
    said = [goal.says for goals in GOALS.values() for goal in goals]
    assert len(said) == len(set(said))
    assert {"pipeline", "ingest", "overload", "kernels"} <= GOALS.keys()
