import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from silverbullet.cli import main
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, make_decision

N = 1203  # three pages


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("store") / "decisions.sqlite"
    made = [make_decision(FIRST_ROW + row, n=3, seed=row) for row in range(N)]
    made[1] = make_decision(
        FIRST_ROW + 1, n=3, skewness=np.array([math.nan, 1.0, 2.0]), sharpe=None
    )
    store = SqliteStore(path)
    store.append([*made, make_decision(portfolio="other")], [])
    store.close()
    return path, made


def export(store: Path, *words: object):
    return CliRunner().invoke(main, ["export", *map(str, words), "--set", f"storage.path={store}"])


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, parse_dates=["row_end"])


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_assets_are_every_number_of_every_decision(kept, suffix, tmp_path):
    store, made = kept
    path = tmp_path / f"assets.{suffix}"
    result = export(store, "assets", "-o", path)
    assert (result.exit_code, result.output) == (0, f"{3 * N} rows of assets in {path}\n")
    frame = read(path)
    assert frame.decision_id.tolist() == [d.id for d in made for _ in range(3)]
    assert frame.symbol.tolist() == [s for d in made for s in d.symbols]
    assert frame.row.tolist() == [d.row for d in made for _ in range(3)]
    assert not {"weights", "start_weights", "prices"} & set(frame.columns)
    columns = {"prices": "price", "weights": "weight", "start_weights": "start_weight"}
    for name, column in (columns | {"skewness": "skewness"}).items():
        expected = np.concatenate([getattr(d, name) for d in made])
        np.testing.assert_array_equal(frame[column].to_numpy(), expected)
    ends = frame.row_end.dt.as_unit("ns").astype("int64")
    assert ends.tolist()[::3] == [d.row_end_ns for d in made]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_decisions_and_latencies_of_a_time_range(kept, suffix, tmp_path):
    store, made = kept
    bounds = [
        pd.Timestamp(d.row_end_ns, unit="ns", tz="UTC").isoformat() for d in (made[1], made[9])
    ]
    times = ("--from", bounds[0], "--to", bounds[1])
    path, other = tmp_path / f"decisions.{suffix}", tmp_path / f"latency.{suffix}"
    assert export(store, "decisions", "-o", path, *times).exit_code == 0
    assert export(store, "latency", "-o", other, *times).exit_code == 0
    frame, latency = read(path), read(other)
    assert frame.id.tolist() == latency.decision_id.tolist() == [d.id for d in made[1:9]]
    assert frame.row.tolist() == latency.row.tolist() == [d.row for d in made[1:9]]
    assert math.isnan(frame.sharpe[0])
    assert frame.sharpe[1:].tolist() == [d.sharpe for d in made[2:9]]
    assert frame.digest.tolist() == [d.digest for d in made[1:9]]
    took = [(d.times.solved_ns - d.times.submitted_ns) / 1e3 for d in made[1:9]]
    np.testing.assert_allclose(latency.solve_us, took)
    stages = latency[["kafka_us", "ingest_us", "update_us", "wait_us", "solve_us", "publish_us"]]
    np.testing.assert_allclose(stages.sum(axis=1), latency.total_us)


@pytest.mark.parametrize("kind", ["decisions", "assets", "latency"])
def test_nothing_in_the_range_is_told_and_makes_no_file(kept, kind, tmp_path):
    there = tmp_path / "there.csv"
    there.write_text("mine")
    words = ("-o", there, "--overwrite", "--to", "1999-01-01")
    result = export(kept[0], kind, *words)
    assert result.exit_code == 1
    assert result.output.startswith("Error: the store has no decision of portfolio ")
    assert result.output.endswith(" in this time\n")
    assert there.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [there]


@pytest.mark.parametrize("last", ["2024-01-01", "2024-01-02"])
@pytest.mark.parametrize("command", [["export", "assets", "-o", "x.csv"], ["replay"]])
def test_a_range_that_ends_before_it_begins_is_refused(command, last, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [*command, "--to", last, "--from", "2024-01-02"]
    result = CliRunner().invoke(main, words)
    said = "Error: --to must be later than --from: nothing lies between them\n"
    assert (result.exit_code, result.output) == (2, said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.xlsx", "must end in .parquet or .csv"),
        ("there.csv", "--overwrite"),
        ("lacks/a.csv", "lacks does not exist"),
    ],
)
def test_what_cannot_be_written_is_refused_in_a_line(kept, name, said, tmp_path):
    (tmp_path / "there.csv").write_text("mine")
    result = export(kept[0], "decisions", "-o", tmp_path / name)
    assert result.exit_code == 2
    assert said in result.output
    assert result.output.count("\n") == 1
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]


@pytest.mark.parametrize("text", ["yesterday", "1969-01-01", "2300-01-01", "2024-13-01"])
def test_a_time_that_is_none_is_refused(kept, text, tmp_path):
    result = export(kept[0], "decisions", "-o", tmp_path / "x.csv", "--from", text)
    assert result.exit_code == 2
    assert "Invalid value for '--from'" in result.output
