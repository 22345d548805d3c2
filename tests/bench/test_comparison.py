"""What got slower is told from noise and from a machine that was slower as a whole."""

from itertools import permutations
from pathlib import Path

import msgspec
import pytest

from bench.comparison import compare_reports
from bench.comparison_rule import JUDGED
from bench.comparison_table import Comparison
from bench.report import Report, read_report
from bench.rows import OURS, Row, make_row
from tests.bench.compared_results import report, tailed, zeros


@pytest.mark.parametrize("unit", ["us", "a second"])
@pytest.mark.parametrize("machine", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(
    ("bases", "ours", "verdict"),
    [
        (1, 1.6, "slower"), (1, 0.6, "faster"), (1, 1.3, "within noise"), (1, 1.0, "within noise"),
        (2, 1.3, "slower"), (2, 0.7, "faster"), (2, 1.0, "within noise"),
    ],
)  # fmt: skip
def test_a_change_of_ours_is_told_whatever_the_machine_did(unit, machine, bases, ours, verdict):
    for seed in range(20):
        new = report(seed + 100, ours=ours, machine=machine, unit=unit)
        thens = [report(seed + 200 * place, unit=unit) for place in range(bases)]
        (change,) = compare_reports(thens, new).changes
        assert (change.figure, change.verdict) == ("p50", verdict)
        assert change.low is not None
        assert change.high is not None
        assert change.low <= change.ratio <= change.high
        assert change.ratio == pytest.approx(ours, rel=0.08)
        assert change.peers == pytest.approx(machine, rel=0.08)


@pytest.mark.parametrize("machine", [0.5, 3.0])
@pytest.mark.parametrize(
    ("bases", "tail", "verdict"),
    [
        (2, 1.6, "slower"), (2, 0.5, "faster"), (2, 1.1, "within noise"),
        (1, 2.2, "slower"), (1, 1.6, "within noise"),
    ],
)  # fmt: skip
def test_a_longer_tail_is_told_where_the_median_says_nothing(bases, tail, verdict, machine):
    for seed in range(10):
        thens = [tailed(seed + 100 * place) for place in range(bases)]
        p50, p99 = compare_reports(thens, tailed(seed + 50, tail=tail, machine=machine)).changes
        assert (p50.figure, p50.verdict) == ("p50", "within noise")
        assert (p99.figure, p99.verdict) == ("p99", verdict)
        assert p99.ratio == pytest.approx(tail, rel=0.08)
        assert p99.peers == pytest.approx(machine, rel=0.08)


def test_a_p99_of_few_values_or_no_time_or_without_a_peer_is_not_judged_and_that_is_said():
    for few in (tailed(1, values=999), tailed(1, unit="a second"), tailed(1, unit="bytes")):
        found = compare_reports([few], few)
        assert [change.figure for change in found.changes] == ["p50"]
        assert "p99 not judged in 1 of 1 cases" in found.to_text()
    alone = msgspec.structs.replace(tailed(1), rows=tailed(1).rows[:1])
    assert [change.figure for change in compare_reports([alone], alone).changes] == ["p50"]
    text = compare_reports([tailed(1)], tailed(2)).to_text()
    assert "p99 not judged" not in text
    assert [line.split()[2] for line in text.splitlines() if "a case" in line] == ["p99", "p50"]


def test_a_peak_of_memory_measured_once_is_judged_by_a_wider_margin():
    def peak(mib: float) -> Report:
        row = make_row("peak memory of run", OURS, "MiB", [[mib]])
        return Report(bench="memory", machine={}, versions={}, rows=(row,))

    verdicts = {mib: compare_reports([peak(200.0)], peak(mib)) for mib in (180.0, 216.0, 224.0)}
    assert [one.changes[0].verdict for one in verdicts.values()] == [
        "faster", "within noise", "slower",
    ]  # fmt: skip
    assert all(one.is_judged and one.changes[0].low is None for one in verdicts.values())


def test_one_build_measured_twice_is_rarely_called_slower():
    verdicts = [
        compare_reports([report(seed)], report(seed + 1000)).changes[0].verdict
        for seed in range(200)
    ]
    assert verdicts.count("within noise") >= 198


@pytest.mark.parametrize(("before", "after"), [(9, 1), (3, 3), (4, 3)])
def test_too_few_repetitions_are_not_judged(before: int, after: int):
    found = compare_reports([report(1, runs=before)], report(2, ours=2.0, runs=after)).changes
    assert [(one.verdict, one.low, one.high) for one in found] == [
        ("too few repetitions", None, None)
    ]


@pytest.mark.parametrize("unit", ["us", "a second"])
@pytest.mark.parametrize("machine", [0.5, 2.0])
def test_a_time_without_a_peer_is_shown_and_not_judged(machine: float, unit: str):
    base = report(1, peers=False, unit=unit)
    (alone,) = compare_reports([base], report(2, machine=machine, peers=False, unit=unit)).changes
    assert (alone.peers, alone.verdict) == (None, "no peer, not judged")
    assert alone.ratio == pytest.approx(machine, rel=0.08)
    assert alone.low is not None


@pytest.mark.parametrize(("ours", "verdict"), [(1.0, "within noise"), (1.6, "slower")])
def test_where_nothing_else_is_beside_a_kernel_its_twin_says_what_the_machine_did(
    ours: float, verdict: str
):
    def with_twin(made: Report, machine: float = 1.0) -> Report:
        twin = make_row("a case", "numpy twin", "us", [[900.0 * machine]] * 9)
        return msgspec.structs.replace(made, rows=(*made.rows, twin))

    base = with_twin(report(1, peers=False))
    new = with_twin(report(2, ours=ours, machine=1.3, peers=False), 1.3)
    (change,) = compare_reports([base], new).changes
    assert change.verdict == verdict
    assert change.ratio == pytest.approx(ours, rel=0.08)


def test_what_is_no_time_is_judged_without_a_peer():
    (size,) = compare_reports(
        [report(1, peers=False, unit="bytes")], report(2, ours=1.5, peers=False, unit="bytes")
    ).changes
    assert (size.peers, size.verdict) == (None, "slower")


@pytest.mark.parametrize("subject", ["silverbullet, called from Python", "numpy twin"])
def test_what_all_of_ours_lose_is_not_taken_for_a_slower_machine(subject: str):
    def with_another(made: Report, time: float) -> Report:
        another = make_row("a case", subject, "us", [[time]] * 9)
        return msgspec.structs.replace(made, rows=(*made.rows, another))

    base, new = with_another(report(1), 150.0), with_another(report(2, ours=1.6), 240.0)
    (change,) = compare_reports([base], new).changes
    assert change.verdict == "slower"
    assert change.peers == pytest.approx(1.0, rel=0.05)
    assert change.ratio == pytest.approx(1.6, rel=0.08)


def test_cases_of_one_result_alone_are_named_and_another_benchmark_is_refused():
    base, new = report(1), report(2)
    moved = Report(bench="kernels", machine={}, versions={}, rows=tuple(
        make_row("another", row.subject, row.unit, [[one] for one in row.runs]) for row in new.rows
    ))  # fmt: skip
    found = compare_reports([base], moved)
    assert (found.changes, found.missing, found.added) == ((), ("a case",), ("another",))
    with pytest.raises(ValueError, match="bench kernels beside bench storage"):
        compare_reports([base], report(3, name="storage"))


@pytest.mark.parametrize("unit", ["us", "a second"])
def test_a_time_or_a_rate_of_zero_has_no_ratio_and_is_not_judged(unit: str):
    one, other = report(1, unit=unit), report(2, unit=unit)
    for base, new in ((zeros(one), other), (one, zeros(other)), (zeros(one), zeros(other))):
        result = compare_reports([base], new)
        assert [(change.ratio, change.verdict) for change in result.changes] == [
            (None, "not above 0, no ratio")
        ]
        assert not result.is_judged
        (line,) = (line for line in result.to_text().splitlines() if "a case" in line)
        assert line.split()[2:7] == ["p50", "-", "-", "-", "not"]
        assert "1 of 1: not above 0" in result.to_text()


def test_what_got_slower_stands_first_and_what_has_no_ratio_last():
    def renamed(made: Report, case: str) -> tuple[Row, ...]:
        return tuple(msgspec.structs.replace(row, case=case) for row in made.rows)

    base, slow = report(1), report(2, ours=1.6)
    both = [
        msgspec.structs.replace(base, rows=renamed(first, "none") + renamed(second, "slow"))
        for first, second in ((base, base), (zeros(base), slow))
    ]
    lines = compare_reports(both[:1], both[1]).to_text().splitlines()
    assert [line.split()[0] for line in lines if " p50 " in line] == ["slow", "none"]


PUBLISHED = Path(__file__).parents[2] / "docs" / "performance"


@pytest.fixture(scope="module")
def sessions() -> list[Report]:
    """Give the published sessions of the kernels, as they were measured."""
    found = [read_report(path) for path in sorted(PUBLISHED.glob("kernels*.json"))]
    assert len(found) >= 2
    return found


def slower(found: Comparison) -> list[str]:
    return [change.case for change in found.changes if change.verdict == "slower"]


def test_sessions_of_one_program_are_rarely_called_slower_than_each_other(
    sessions: list[Report],
):
    beside = [([base], new) for base, new in permutations(sessions, 2)]
    if len(sessions) > 2:
        beside += [(sessions[:n] + sessions[n + 1 :], new) for n, new in enumerate(sessions)]
    for bases, new in beside:
        found = compare_reports(bases, new)
        judged = [change for change in found.changes if change.verdict in JUDGED]
        assert len(judged) > 60
        # By 5 %, the spread within a session, 5 to 23 of 111 were of three sessions of a day.
        assert len(slower(found)) <= 0.02 * len(judged)


def test_a_published_case_that_takes_1_8_times_as_long_is_called_slower(sessions: list[Report]):
    *bases, new = sessions
    case = "maximum Sharpe ratio of 100 assets, dense, one row later"
    rows = tuple(
        msgspec.structs.replace(row, runs=tuple(1.8 * one for one in row.runs))
        if (row.case, row.subject) == (case, OURS) else row
        for row in new.rows
    )  # fmt: skip
    slowed = msgspec.structs.replace(new, rows=rows)
    for thens in (bases, *([base] for base in bases)):
        assert case in slower(compare_reports(thens, slowed))
        assert case not in slower(compare_reports(thens, new))


def test_the_rule_says_which_margin_holds_and_one_session_in_two_places_is_refused():
    base, new = report(1), report(2)
    assert "one BASE" in compare_reports([base], new).to_text()
    text = " ".join(compare_reports([base, report(3)], new).to_text().split())
    assert "Rule: 2 BASEs" in text
    assert "lies beyond 15 % (a p99: 25 %)" in text
    with pytest.raises(ValueError, match="twice as BASE"):
        compare_reports([base, base], new)


def test_what_only_one_of_two_bases_has_is_judged_by_the_margin_of_one():
    base, new = report(1), report(2, ours=1.3)
    other = msgspec.structs.replace(report(3), rows=tuple(
        msgspec.structs.replace(row, case="another") for row in report(3).rows
    ))  # fmt: skip
    found = compare_reports([base, other], new)
    assert [change.verdict for change in found.changes] == ["within noise"]
    assert found.missing == ("another",)
