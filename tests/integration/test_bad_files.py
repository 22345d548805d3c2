"""Files as people have them: odd ones read right, others refused in one line with exit 2."""

import gzip
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from silverbullet.cli import main
from tests.integration.commands import run_command
from tests.integration.playing import closes_file, play_file, walk


def text_above(lines: list[str]) -> list[str]:
    return ["This file was downloaded from https://example.com", *lines]


def newest_first(lines: list[str]) -> list[str]:
    return [lines[0], *reversed(lines[1:])]


def with_blank_lines(lines: list[str]) -> list[str]:
    return [line for given in lines for line in (given, "")]


ODDITIES = (text_above, newest_first, with_blank_lines)


@pytest.mark.parametrize(
    ("oddity", "ending"), [*product(ODDITIES, [".csv"]), (newest_first, ".csv.gz")]
)
def test_an_odd_file_gives_the_same_decision(
    oddity: Callable[[list[str]], list[str]], ending: str, tmp_path: Path
) -> None:
    plain = closes_file(tmp_path / "plain.csv", walk(3, 60, seed=2))
    wanted = play_file(plain)
    text = "\n".join(oddity(plain.read_text().splitlines())) + "\n"
    odd = tmp_path / f"odd{ending}"
    odd.write_bytes(gzip.compress(text.encode()) if ending.endswith(".gz") else text.encode())
    found = play_file(odd)
    assert found["ticks"] == wanted["ticks"]
    assert found["decision"]["mean"] == wanted["decision"]["mean"]
    assert found["decision"]["weights"] == wanted["decision"]["weights"]
    assert found["decision"]["row"] == wanted["decision"]["row"]


def refused(arguments: list[str], **environment: str) -> str:
    """Run a demo that must be refused; give its one line."""
    result = CliRunner().invoke(main, ["demo", "--once", "--json", *arguments], env=environment)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_unknown_columns_are_told_beside_those_expected(tmp_path: Path) -> None:
    path = written(tmp_path / "odd.csv", "when,what,how_much\n2024-01-01,BTC,1\n")
    line = refused(["--from", str(path)])
    for word in (str(path), "when", "what", "how_much", "bid_price", "ask_price", "close"):
        assert word in line


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "BTCUSDT.csv", "")
    line = refused(["--from", str(path)])
    assert str(path) in line
    assert "empty" in line


def test_columns_without_rows_are_told(tmp_path: Path) -> None:
    path = written(tmp_path / "BTC-USD.csv", "time,low,high,open,close,volume\n")
    line = refused(["--from", str(path)])
    assert f"{path}: columns but no rows" in line


def test_a_folder_without_data_is_told(tmp_path: Path) -> None:
    written(tmp_path / "notes.txt", "nothing here\n")
    line = refused(["--from", str(tmp_path)])
    assert f"{tmp_path}: no .csv or .csv.gz file" in line


def test_a_file_that_names_no_symbol_is_told_with_the_remedy(tmp_path: Path) -> None:
    rows = "time,low,high,open,close,volume\n1522800000,1,3,2,2.5,1\n1522800060,1,3,2,2.6,1\n"
    line = refused(["--from", str(written(tmp_path / "export of april.csv", rows))])
    assert "--symbol" in line
    assert "export of april.csv" in line


def test_a_file_that_is_only_named_gz_is_read_by_what_it_holds(tmp_path: Path) -> None:
    plain = closes_file(tmp_path / "plain.csv", walk(3, 60, seed=2))
    named = written(tmp_path / "named.csv.gz", plain.read_text())
    assert play_file(named)["decision"]["digest"] == play_file(plain)["decision"]["digest"]


def test_a_file_that_breaks_off_is_told_and_not_decided_from(tmp_path: Path) -> None:
    whole = closes_file(tmp_path / "whole.csv", walk(5, 4_000, seed=3)).read_bytes()
    path = tmp_path / "broken.csv.gz"
    path.write_bytes(gzip.compress(whole)[:-2_000])
    assert str(path) in refused(["--from", str(path), "--engine", "local"])


def test_a_time_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = written(
        tmp_path / "quotes.csv",
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
        "x,BTC,1618677786389362,1618677786982405,1,2,1,1\n",
    )
    line = refused(["--from", str(path), "--time-column", "received"])
    assert "received" in line
    assert "local_timestamp" in line


def test_prices_that_cannot_be_are_refused_and_their_neighbours_used(tmp_path: Path) -> None:
    prices = walk(3, 80, seed=4)
    bad = {7: "-1", 20: "0", 30: "1e308", 41: "n/a", 50: "inf"}
    lines = closes_file(tmp_path / "good.csv", prices).read_text().splitlines()
    for row, cell in bad.items():
        cells = lines[1 + row].split(",")
        cells[2] = cell
        lines[1 + row] = ",".join(cells)
    answer = play_file(written(tmp_path / "bad.csv", "\n".join(lines) + "\n"))
    n_refused = answer["ticks"]["rejected"]["price"]
    blank = len(bad) - n_refused
    assert n_refused >= 4
    assert answer["ticks"]["read"] == prices.size - blank
    assert answer["ticks"]["used"] == prices.size - len(bad)
    # The price before stands in the rows that have none.
    filled = prices.copy()
    for row in bad:
        filled[row, 1] = filled[row - 1, 1]
    expected = np.diff(np.log(filled), axis=0).mean(axis=0)
    found = np.array(list(answer["decision"]["mean"].values()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


def test_too_few_rows_end_with_the_reason_and_exit_1(tmp_path: Path) -> None:
    path = closes_file(tmp_path / "short.csv", walk(3, 10, seed=1))
    done = run_command(tmp_path, "demo", "--from", path, "--once", "--json", "--engine", "local")
    assert done.returncode == 1
    assert '"decision": null' in done.stdout
    assert "9 of at least 30 rows" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--loop"], ["--loop", "--once"]),
        (["--sample-interval", "soon"], ["--sample-interval", "500ms"]),
        (["--window", "1"], ["window.rows", "greater than or equal to 2"]),
        (["--set", "windw.rows=5"], ["windw", "window"]),
        (["--set", "optimize.metod=exact"], ["optimize.metod", "optimize.method"]),
    ],
)
def test_options_that_cannot_be_are_refused(
    arguments: list[str], words: list[str], tmp_path: Path
) -> None:
    path = closes_file(tmp_path / "closes.csv", walk(2, 40, seed=1))
    result: Any = CliRunner().invoke(main, ["demo", "--once", "--from", str(path), *arguments])
    assert result.exit_code == 2
    for word in words:
        assert word in result.stderr
