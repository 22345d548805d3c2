"""What got slower is told from noise and from a machine that was slower as a whole."""

import json
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from bench.comparison import compare_reports
from bench.report import Report
from bench.rows import OURS, make_row
from silverbullet.cli import main

ROOT = Path(__file__).parents[2]


def report(
    seed: int, *, ours: float = 1.0, machine: float = 1.0, runs: int = 9, peers: bool = True,
    unit: str = "us", name: str = "kernels",
) -> Report:  # fmt: skip
    """Give a case in which ours takes 100 and two peers 300 and 900, with 3 % of noise a run."""
    rng = np.random.default_rng(seed)
    times = {OURS: 100.0 * ours} | ({"numpy": 300.0, "scipy": 900.0} if peers else {})
    rows = []
    for subject, time in times.items():
        noise = machine * np.exp(rng.normal(0, 0.03, runs))
        samples = [[1e6 / (time * one) if unit == "a second" else time * one] for one in noise]
        rows.append(make_row("a case", subject, unit, samples))
    return Report(bench=name, machine={}, versions={}, rows=tuple(rows))


@pytest.mark.parametrize("unit", ["us", "a second"])
@pytest.mark.parametrize("machine", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(
    ("ours", "verdict"), [(1.3, "slower"), (0.7, "faster"), (1.0, "within noise")]
)
def test_a_change_of_ours_is_told_whatever_the_machine_did(unit, machine, ours, verdict):
    for seed in range(20):
        new = report(seed + 100, ours=ours, machine=machine, unit=unit)
        (change,) = compare_reports(report(seed, unit=unit), new).changes
        assert (change.figure, change.verdict) == ("p50", verdict)
        assert change.low is not None
        assert change.high is not None
        assert change.low <= change.ratio <= change.high
        assert change.ratio == pytest.approx(ours, rel=0.08)
        assert change.peers == pytest.approx(machine, rel=0.08)


def tailed(
    seed: int, *, tail: float = 1.0, machine: float = 1.0, values: int = 2_000, unit: str = "us"
) -> Report:
    """Give a case whose slowest twentieth takes three times as long, ours `tail` times that."""
    rng = np.random.default_rng(seed)
    rows = []
    for subject, slow in ((OURS, 3.0 * tail), ("numpy", 3.0)):
        runs = []
        for _ in range(9):
            times = machine * 100.0 * np.exp(rng.normal(0.0, 0.03, values))
            times[: values // 20] *= slow
            runs.append(times)
        rows.append(make_row("a case", subject, unit, runs))
    return Report(bench="kernels", machine={}, versions={}, rows=tuple(rows))


@pytest.mark.parametrize("machine", [0.5, 3.0])
@pytest.mark.parametrize(
    ("tail", "verdict"), [(1.6, "slower"), (0.5, "faster"), (1.1, "within noise")]
)
def test_a_longer_tail_is_told_where_the_median_says_nothing(tail, verdict, machine):
    for seed in range(10):
        p50, p99 = compare_reports(
            tailed(seed), tailed(seed + 50, tail=tail, machine=machine)
        ).changes
        assert (p50.figure, p50.verdict) == ("p50", "within noise")
        assert (p99.figure, p99.verdict) == ("p99", verdict)
        assert p99.ratio == pytest.approx(tail, rel=0.08)
        assert p99.peers == pytest.approx(machine, rel=0.08)


def test_a_p99_of_few_values_or_no_time_or_without_a_peer_is_not_judged_and_that_is_said():
    for few in (tailed(1, values=999), tailed(1, unit="a second"), tailed(1, unit="bytes")):
        found = compare_reports(few, few)
        assert [change.figure for change in found.changes] == ["p50"]
        assert "p99 not judged in 1 of 1 cases" in found.to_text()
    alone = msgspec.structs.replace(tailed(1), rows=tailed(1).rows[:1])
    assert [change.figure for change in compare_reports(alone, alone).changes] == ["p50"]
    text = compare_reports(tailed(1), tailed(2)).to_text()
    assert "p99 not judged" not in text
    assert [line.split()[2] for line in text.splitlines() if "a case" in line] == ["p99", "p50"]


def test_a_peak_of_memory_measured_once_is_judged_by_a_wider_margin():
    def peak(mib: float) -> Report:
        row = make_row("peak memory of run", OURS, "MiB", [[mib]])
        return Report(bench="memory", machine={}, versions={}, rows=(row,))

    verdicts = {mib: compare_reports(peak(200.0), peak(mib)) for mib in (180.0, 216.0, 224.0)}
    assert [one.changes[0].verdict for one in verdicts.values()] == [
        "faster", "within noise", "slower",
    ]  # fmt: skip
    assert all(one.is_judged and one.changes[0].low is None for one in verdicts.values())


def test_one_build_measured_twice_is_rarely_called_slower():
    verdicts = [
        compare_reports(report(seed), report(seed + 1000)).changes[0].verdict for seed in range(200)
    ]
    assert verdicts.count("within noise") >= 198


@pytest.mark.parametrize(("before", "after"), [(9, 1), (3, 3), (4, 3)])
def test_too_few_repetitions_are_not_judged(before: int, after: int):
    found = compare_reports(report(1, runs=before), report(2, ours=2.0, runs=after)).changes
    assert [(one.verdict, one.low, one.high) for one in found] == [
        ("too few repetitions", None, None)
    ]


@pytest.mark.parametrize("unit", ["us", "a second"])
@pytest.mark.parametrize("machine", [0.5, 2.0])
def test_a_time_without_a_peer_is_shown_and_not_judged(machine: float, unit: str):
    base = report(1, peers=False, unit=unit)
    (alone,) = compare_reports(base, report(2, machine=machine, peers=False, unit=unit)).changes
    assert (alone.peers, alone.verdict) == (None, "no peer, not judged")
    assert alone.ratio == pytest.approx(machine, rel=0.08)
    assert alone.low is not None


def test_our_own_twin_beside_a_time_is_no_peer():
    twin = make_row("a case", "numpy twin", "us", [[9.0]] * 9)
    both = msgspec.structs.replace(report(1, peers=False), rows=(
        *report(1, peers=False).rows, twin))  # fmt: skip
    assert [one.verdict for one in compare_reports(both, both).changes] == ["no peer, not judged"]


def test_what_is_no_time_is_judged_without_a_peer():
    (size,) = compare_reports(
        report(1, peers=False, unit="bytes"), report(2, ours=1.5, peers=False, unit="bytes")
    ).changes
    assert (size.peers, size.verdict) == (None, "slower")


@pytest.mark.parametrize("subject", ["silverbullet, called from Python", "numpy twin"])
def test_what_all_of_ours_lose_is_not_taken_for_a_slower_machine(subject: str):
    def with_another(made: Report, time: float) -> Report:
        another = make_row("a case", subject, "us", [[time]] * 9)
        return msgspec.structs.replace(made, rows=(*made.rows, another))

    base, new = with_another(report(1), 150.0), with_another(report(2, ours=1.5), 225.0)
    (change,) = compare_reports(base, new).changes
    assert change.verdict == "slower"
    assert change.peers == pytest.approx(1.0, rel=0.05)
    assert change.ratio == pytest.approx(1.5, rel=0.08)


def test_cases_of_one_result_alone_are_named_and_another_benchmark_is_refused():
    base, new = report(1), report(2)
    moved = Report(bench="kernels", machine={}, versions={}, rows=tuple(
        make_row("another", row.subject, row.unit, [[one] for one in row.runs]) for row in new.rows
    ))  # fmt: skip
    found = compare_reports(base, moved)
    assert (found.changes, found.missing, found.added) == ((), ("a case",), ("another",))
    with pytest.raises(ValueError, match="bench kernels beside bench storage"):
        compare_reports(base, report(3, name="storage"))


def test_the_command_exits_with_1_where_something_got_slower(tmp_path: Path):
    def kept(name: str, made: Report) -> str:
        path = tmp_path / name
        path.write_text(made.to_json())
        return str(path)

    base, same = kept("base.json", report(1)), kept("same.json", report(2))
    slow = kept("slow.json", report(3, ours=1.5))
    told = CliRunner().invoke(main, ["bench", "compare", base, same])
    assert told.exit_code == 0
    assert "within noise" in told.output
    told = CliRunner().invoke(main, ["bench", "compare", base, slow, "--json"])
    assert told.exit_code == 1
    assert json.loads(told.output)["changes"][0]["verdict"] == "slower"
    (tmp_path / "none.json").write_text("{}")
    told = CliRunner().invoke(main, ["bench", "compare", base, str(tmp_path / "none.json")])
    assert told.exit_code == 2
    assert "none.json: no result of a benchmark" in told.output


def test_times_without_peers_never_exit_with_1_and_alone_they_are_nothing_to_compare(
    tmp_path: Path,
):
    def kept(name: str, made: Report, *more: Report) -> str:
        path = tmp_path / name
        rows = (*made.rows, *(
            msgspec.structs.replace(row, case="a part") for one in more for row in one.rows
        ))  # fmt: skip
        path.write_text(msgspec.structs.replace(made, rows=rows).to_json())
        return str(path)

    slow = report(2, machine=1.3, peers=False)
    parts = kept("parts.json", report(1, peers=False)), kept("slower.json", slow)
    told = CliRunner().invoke(main, ["bench", "compare", *parts])
    assert told.exit_code == 2
    assert "1 of 1: no peer, not judged" in told.output
    assert "no case has a peer beside it" in told.output
    assert "--repetitions" not in told.output
    both = kept("both.json", report(3), report(1, peers=False)), kept("now.json", report(4), slow)
    told = CliRunner().invoke(main, ["bench", "compare", *both])
    assert told.exit_code == 0
    assert "1 of 2: no peer, not judged" in told.output


def test_single_runs_are_told_as_such_and_a_comparison_of_nothing_ends_with_2(tmp_path: Path):
    def kept(name: str, made: Report) -> str:
        path = tmp_path / name
        path.write_text(made.to_json())
        return str(path)

    single = kept("single.json", report(1, runs=1))
    once_more = kept("once_more.json", report(2, ours=2.0, runs=1))
    told = CliRunner().invoke(main, ["bench", "compare", single, once_more])
    assert told.exit_code == 2
    assert "1 of 1: single runs, not judged" in told.output
    assert "nothing could be compared" in told.output
    assert "--repetitions 4" in told.output
    # One that has repetitions, beside one that has not, lacks them.
    told = CliRunner().invoke(main, ["bench", "compare", kept("base.json", report(3)), single])
    assert told.exit_code == 2
    assert "too few repetitions" in told.output
    both = msgspec.structs.replace(report(4), rows=(*report(4).rows, *(
        make_row("drift", row.subject, row.unit, [row.runs[0]]) for row in report(5).rows
    )))  # fmt: skip
    some = kept("some.json", both)
    assert CliRunner().invoke(main, ["bench", "compare", some, some]).exit_code == 0


@pytest.mark.parametrize("name", ["soak.json", "engines/engines.json"])
def test_what_is_judged_within_its_own_run_is_refused_with_what_is_done_instead(name: str):
    path = str(ROOT / "docs/performance" / name)
    told = CliRunner().invoke(main, ["bench", "compare", path, path])
    assert told.exit_code == 2
    assert "silverbullet bench report BASE NEW" in told.output


def test_make_compares_with_the_newest_and_names_both_variables():
    def make(*variables: str) -> str:
        command = ["make", "--no-print-directory", "-n", "-o", "setup", "bench-compare", *variables]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert make("BASE=a.json").rstrip().endswith("bench compare a.json")
    assert make("BASE=a.json", "NEW=b.json").rstrip().endswith("bench compare a.json b.json")
    assert "BASE=FILE.json [NEW=FILE.json]" in make()


def test_a_time_of_zero_is_no_change_that_is_within_noise():
    def zeros(made: Report) -> Report:
        rows = (msgspec.structs.replace(row, runs=(0.0,) * len(row.runs)) for row in made.rows)
        return msgspec.structs.replace(made, rows=tuple(rows))

    for base, new in ((zeros(report(1)), report(2)), (report(1), zeros(report(2)))):
        result = compare_reports(base, new)
        assert {change.verdict for change in result.changes} == {"a time of 0, no ratio"}
        assert not result.is_judged
        assert "a time of 0" in result.to_text()
