"""`bench compare` says by its exit status what became of a case."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from bench.report import Report
from bench.rows import make_row
from silverbullet.cli import main
from tests.bench.compared_results import report, zeros

ROOT = Path(__file__).parents[2]


def test_the_command_exits_with_1_where_something_got_slower(tmp_path: Path):
    def kept(name: str, made: Report) -> str:
        path = tmp_path / name
        path.write_text(made.to_json())
        return str(path)

    base, same = kept("base.json", report(1)), kept("same.json", report(2))
    slow = kept("slow.json", report(3, ours=1.6))
    told = CliRunner().invoke(main, ["bench", "compare", base, same])
    assert told.exit_code == 0
    assert "within noise" in told.output
    told = CliRunner().invoke(main, ["bench", "compare", base, slow, "--json"])
    assert told.exit_code == 1
    assert json.loads(told.output)["changes"][0]["verdict"] == "slower"
    assert "one BASE" in json.loads(told.output)["rule"]
    a_little = kept("a_little.json", report(3, ours=1.25))
    assert CliRunner().invoke(main, ["bench", "compare", base, a_little]).exit_code == 0
    told = CliRunner().invoke(main, ["bench", "compare", base, same, a_little])
    assert told.exit_code == 1
    assert "2 BASEs" in told.output
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

    assert make("BASE=a.json").rstrip().endswith("bench compare a.json --newest")
    assert make("BASE=a.json", "NEW=b.json").rstrip().endswith("bench compare a.json b.json")
    assert make("BASE=a.json b.json").rstrip().endswith("bench compare a.json b.json --newest")
    assert make("BASE=a b", "NEW=c").rstrip().endswith("bench compare a b c")
    assert "BASE='FILE.json ...' [NEW=FILE.json]" in make()


def test_a_strict_parser_reads_the_json_of_a_comparison(tmp_path: Path):
    (tmp_path / "base.json").write_text(report(1).to_json())
    (tmp_path / "new.json").write_text(zeros(report(2)).to_json())
    paths = [str(tmp_path / name) for name in ("base.json", "new.json")]
    told = CliRunner().invoke(main, ["bench", "compare", *paths, "--json"])
    (change,) = msgspec.json.decode(told.stdout)["changes"]
    assert (change["ratio"], change["verdict"]) == (None, "not above 0, no ratio")
