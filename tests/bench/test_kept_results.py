"""What no benchmark can have kept is refused in one line: what, where, and what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from bench.engines.report import EngineReport
from bench.kept_results import KNOWN, read_kept
from bench.page import main as make_published_page
from bench.soak.report import SoakReport
from silverbullet.cli import main
from tests.bench.compared_results import report, zeros

DOCS = Path(__file__).parents[2] / "docs/performance"
Spoil = Callable[[dict[str, Any]], object]


def cut(made: dict[str, Any]) -> None:
    made["rows"][1]["runs"].pop()


def cut_p99s(made: dict[str, Any]) -> None:
    made["rows"][1]["p99_runs"] = [1.0, 2.0]


def below_zero(made: dict[str, Any]) -> None:
    made["rows"][0]["runs"][3] = -5.0


def unknown(made: dict[str, Any]) -> None:
    made["bench"] = "nonsense"


SPOILT = (
    (cut, "a case: numpy has 8 repetitions, silverbullet 9; the file was cut or edited"),
    (cut_p99s, "a case: numpy has 9 repetitions and 2 p99s of them; the file was cut"),
    (below_zero, "a case: silverbullet takes -5 us, and no time is below 0; the file was cut"),
    (unknown, "bench 'nonsense' is none of engines, ingest, kernels, memory"),
)


@pytest.fixture(params=SPOILT, ids=lambda one: one[0].__name__)
def spoilt(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Give a file that was changed, and what is told of it."""
    spoil, told = request.param
    made = json.loads(report(1).to_json())
    spoil(made)
    path = tmp_path / "spoilt.json"
    path.write_text(json.dumps(made))
    return str(path), told


def test_a_spoilt_result_is_refused_in_one_line_by_all_that_read_it(
    spoilt: tuple[str, str], tmp_path: Path
):
    path, says = spoilt
    good = tmp_path / "good.json"
    good.write_text(report(2).to_json())
    for command in (["report", path], ["compare", path, str(good)], ["compare", str(good), path]):
        told = CliRunner().invoke(main, ["bench", *command])
        assert told.exit_code == 2
        assert isinstance(told.exception, SystemExit)
        assert f"{path}: no result of a benchmark ({says}" in told.output
    with pytest.raises(SystemExit) as ended:
        make_published_page([str(good), path])
    assert says in str(ended.value)
    assert "\n" not in str(ended.value)


def test_times_of_0_and_exponents_below_it_are_read(tmp_path: Path):
    path = tmp_path / "kept.json"
    for made in (zeros(report(1)), report(1, runs=1)):
        path.write_text(made.to_json())
        assert read_kept(path) == made
    rows = tuple(
        msgspec.structs.replace(row, unit="exponent", runs=(-0.1,) * 9) for row in report(1).rows
    )
    path.write_text(msgspec.structs.replace(report(1), rows=rows).to_json())
    assert read_kept(path).bench == "kernels"


def test_each_published_result_is_of_a_known_kind():
    found = [read_kept(path) for path in [*DOCS.glob("*.json"), DOCS / "engines/engines.json"]]
    assert {one.bench for one in found} <= set(KNOWN)
    assert {"soak", "engines"} == {
        one.bench for one in found if isinstance(one, SoakReport | EngineReport)
    }


@pytest.mark.parametrize("option", ["--assets", "--windows"])
@pytest.mark.parametrize("sizes", ["1", "1,100", "100,0"])
def test_one_asset_and_a_window_of_one_row_are_refused_by_the_option(option: str, sizes: str):
    told = CliRunner().invoke(main, ["bench", "scale", option, sizes])
    assert told.exit_code == 2
    assert "whole numbers from 2 up" in told.output
