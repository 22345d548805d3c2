import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from bench.intervals import median_interval, ratio_interval
from bench.rows import Row, make_row


def a_row(subject: str, *runs: float, case: str = "job", unit: str = "us") -> Row:
    return make_row(case, subject, unit, [[run] for run in runs])


def judge(goal: Goal, *rows: Row) -> Verdict:
    (verdict,) = judge_goals([goal], rows)
    return verdict


def test_a_peer_is_judged_by_the_ratios_within_the_repetitions():
    rows = a_row("silverbullet", 1.0, 10.0, 4.0), a_row("polars, four", 2.0, 10.0, 16.0)
    verdict = judge(peer_takes("job", 2.0, "polars"), *rows)
    assert (verdict.value, verdict.met, verdict.who) == (2.0, True, "")
    assert verdict.interval == (1.0, 4.0)
    assert verdict.outcome() == "met, 0 % to spare"
    missed = judge(peer_takes("job", 5.0, "polars"), *rows)
    assert missed.outcome() == "missed by 2.50x"


def test_of_several_peers_the_best_counts_and_is_named_but_never_a_floor():
    rows = (
        a_row("silverbullet", 1.0),
        a_row("slow", 9.0),
        a_row("quick, with a word", 3.0),
        a_row("bound", 0.5),
    )
    everyone = judge(peer_takes("job", 4.0), *rows)
    assert BEST in everyone.goal.says
    assert (everyone.value, everyone.who, everyone.met) == (3.0, "quick, with a word", False)
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
    assert (verdict.value, verdict.who, verdict.met) == (8.0, "one", True)


def test_a_floor_and_a_figure_are_judged_from_above():
    rows = a_row("silverbullet", 3.0, 3.0, 6.0), a_row("bound", 2.0, 2.0, 2.0)
    assert judge(takes_at_most("job", 1.5, "bound"), *rows).outcome() == "met, 0 % to spare"
    tail = judge(takes_at_most("job", 1.5, "bound", "p99"), *rows)
    assert tail.value == pytest.approx(5.94 / 2.0)
    assert not tail.met
    assert tail.interval_text() == "-"
    most = judge(is_at_most("job", 4.0, "us", "max"), *rows)
    assert (most.measured(), most.outcome()) == ("6.00 us", "missed by 50.0 %")


def test_a_p99_over_anothers_is_that_within_the_repetitions_with_its_interval():
    rng = np.random.default_rng(1)

    def tailed(subject: str, *slow: float, values: int = 1_000) -> Row:
        runs = [np.repeat((1.0, one), (values - values // 20, values // 20)) for one in slow]
        return make_row("job", subject, "us", [rng.permutation(one) for one in runs])

    goal = takes_at_most("job", 1.5, "relay", "p99")
    rows = tailed("silverbullet", 2.0, 30.0, 6.0), tailed("relay", 2.0, 10.0, 4.0)
    verdict = judge(goal, *rows)
    assert (verdict.value, verdict.interval) == (1.5, (1.0, 3.0))
    # Of all values at once it is another figure, of which no interval can be told.
    few = tailed("silverbullet", 2.0, 30.0, 6.0, values=999), rows[1]
    assert judge(goal, *few).value == pytest.approx(3.0)
    assert judge(goal, *few).interval is None


def test_one_case_is_judged_beside_another_and_the_greatest_part_beside_the_least():
    rows = (
        a_row("silverbullet", 4.0, 6.0, 5.0),
        a_row("silverbullet", 2.0, 1.0, 4.0, 2.0, case="other"),
    )
    assert judge(case_takes_at_least("job", 2.0, "other"), *rows).value == 2.5
    assert not judge(case_takes_at_most("job", 2.0, "other"), *rows).met
    assert judge(varies_at_most("job", 1.05, "part"), *rows).value == 1.5


def test_what_was_not_measured_is_not_judged():
    rows = (a_row("silverbullet", 1.0),)
    goals = (peer_takes("job", 1.0, "peer"), is_at_most("none", 1.0, "us"))
    assert judge_goals(goals, rows) == []
    assert judge_goals([case_takes_at_most("job", 1.0, "none")], rows) == []


runs = st.lists(st.floats(0.1, 10.0), min_size=3, max_size=12)


@given(runs)
def test_an_interval_lies_within_what_was_measured_and_is_the_same_each_time(values: list[float]):
    interval = median_interval(values)
    assert interval is not None
    assert min(values) <= interval.low <= interval.high <= max(values)
    assert interval == median_interval(values)


def test_an_interval_covers_the_true_median_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(300):
        interval = median_interval(rng.lognormal(0.0, 0.5, 25))
        assert interval is not None
        inside += interval.low <= 1.0 <= interval.high
    assert 0.90 < inside / 300 <= 1.0


def test_of_two_repetitions_no_interval_can_be_told():
    assert median_interval([1.0, 2.0]) is None
    assert ratio_interval([1.0, 2.0, 3.0], [1.0, 2.0]) is None
    rows = a_row("silverbullet", 1.0, 2.0), a_row("peer", 2.0, 2.0)
    assert judge(peer_takes("job", 1.0, "peer"), *rows).interval_text() == "-"


def test_every_goal_is_said_once():
    said = [goal.says for goals in GOALS.values() for goal in goals]
    assert len(said) == len(set(said))
    assert {"pipeline", "ingest", "overload", "kernels"} <= GOALS.keys()
