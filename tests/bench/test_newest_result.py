"""Without NEW a result is compared with the newest that has a case in common."""

import os
from pathlib import Path

import msgspec
import platformdirs
import pytest
from click.testing import CliRunner

from bench.report import Report
from silverbullet.cli import main
from tests.bench.compared_results import report

PLAYED = {"kafka": "Kafka, exact, 1000 ticks/s, total", "embedded": "embedded, exact, total"}


def played(broker: str, seed: int, ours: float = 1.0) -> Report:
    """Give a result of the pipeline on one of its brokers."""
    made = report(seed, ours=ours, name="pipeline")
    rows = (msgspec.structs.replace(row, case=PLAYED[broker]) for row in made.rows)
    return msgspec.structs.replace(made, rows=tuple(rows))


@pytest.fixture
def results(tmp_path: Path, monkeypatch) -> Path:
    """Give the folder of kept results, which is not there yet."""
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name: str(tmp_path / name))
    return tmp_path / "silverbullet" / "bench"


def keep(folder: Path, name: str, made: Report, age_s: int) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made.to_json())
    os.utime(path, (1e9 - age_s, 1e9 - age_s))
    return str(path)


def test_the_newest_kept_result_of_the_benchmark_is_compared_where_none_is_named(results: Path):
    base = keep(results, "kernels-1.json", report(1), 0)
    told = CliRunner().invoke(main, ["bench", "compare", base])
    assert told.exit_code == 2
    assert "BASE" in told.output
    assert "NEW" in told.output
    keep(results, "kernels-2.json", report(2, ours=0.5), 60)
    slow = keep(results, "full-1/kernels.json", report(3, ours=1.6), 30)
    keep(results, "storage-1.json", report(4, name="storage"), 10)
    (results / "soak-1.json").write_text('{"bench": "soak"}')
    told = CliRunner().invoke(main, ["bench", "compare", base])
    assert told.exit_code == 1
    assert slow in told.output


def test_a_result_on_kafka_is_compared_with_the_newest_on_kafka_not_with_a_newer_one_embedded(
    tmp_path: Path, results: Path
):
    base = keep(tmp_path, "published/pipeline.json", played("kafka", 1), 500)
    keep(results, "full-1/pipeline.json", played("kafka", 2, ours=1.6), 60)
    slow = keep(results, "full-2/pipeline.json", played("kafka", 3, ours=1.6), 40)
    keep(results, "full-2/pipeline-embedded.json", played("embedded", 4), 20)
    told = CliRunner().invoke(main, ["bench", "compare", base])
    assert told.exit_code == 1
    assert slow in told.output
    assert PLAYED["kafka"] in told.output


def test_one_of_the_same_form_goes_before_a_newer_one_of_the_other(tmp_path: Path, results: Path):
    base = keep(tmp_path, "published/kernels.json", report(1), 500)
    full = keep(results, "full-1/kernels.json", report(2, ours=1.6), 60)
    short = keep(results, "short-1/kernels.json", report(3), 20)
    told = CliRunner().invoke(main, ["bench", "compare", base])
    assert (told.exit_code, full in told.output) == (1, True)
    Path(full).unlink()
    told = CliRunner().invoke(main, ["bench", "compare", base])
    assert (told.exit_code, short in told.output) == (0, True)


def test_where_no_case_is_shared_that_is_what_is_said(tmp_path: Path, results: Path):
    base = keep(tmp_path, "pipeline.json", played("kafka", 1), 500)
    other = keep(results, "full-1/pipeline-embedded.json", played("embedded", 2), 20)
    for named in ([], [other]):
        told = CliRunner().invoke(main, ["bench", "compare", base, *named])
        assert told.exit_code == 2
        assert "repetitions" not in told.output
        assert "share no case" in told.output or "none with a case that BASE has" in told.output


def test_a_copy_of_the_result_is_not_what_it_is_compared_with(tmp_path: Path, results: Path):
    made = report(1)
    base = keep(tmp_path, "published/kernels.json", made, 500)
    noted = msgspec.structs.replace(made, notes=("a note by hand",))
    keep(results, "full-1/kernels-0123456789ab.json", noted, 10)
    told = CliRunner().invoke(main, ["bench", "compare", base])
    assert told.exit_code == 2
    assert "no result of bench kernels" in told.output
    slow = keep(results, "full-2/kernels.json", report(2, ours=1.6), 60)
    told = CliRunner().invoke(main, ["bench", "compare", base])
    assert told.exit_code == 1
    assert slow in told.output


def test_a_newer_result_of_the_other_form_is_named_when_it_is_passed_over(
    tmp_path: Path, results: Path
):
    base = keep(tmp_path, "published/kernels.json", report(1), 500)
    same_form = keep(results, "full-1/kernels.json", report(2), 60)
    short = keep(results, "short-1/kernels.json", report(3), 10)
    told = CliRunner().invoke(main, ["bench", "compare", base])
    lines = told.stderr.splitlines()
    assert same_form in lines[0]
    assert "passed over" in lines[1]
    assert short in lines[1]
