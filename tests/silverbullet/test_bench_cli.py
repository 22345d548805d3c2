from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient

from silverbullet.bench_kafka import own_kafka
from silverbullet.cli import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["pipeline", "--rates", "100,fast"], "'--rates': 'fast': whole numbers from 1 up"),
        (["pipeline", "--rates", "0"], "'--rates': '0': whole numbers from 1 up"),
        (["scale", "--assets", "-5,²"], "'--assets': '-5', '²': whole numbers"),
        (["pipeline", "--methods", "exact,guess"], "'guess': one or more of exact, resample"),
        (["pipeline", "--engines", "dask"], "'dask': one or more of local, ray, spark"),
        (["pipeline", "--broker", "redpanda"], "--broker"),
        (["pipeline", "--minutes", "3"], "--overload"),
        (["pipeline", "--overload", "--seconds", "3"], "no --seconds: "),
        (["pipeline", "--overload", "--libraries", "--rates", "9"], "no --rates, --libraries: "),
        (["pipeline", "--overload", "--methods", "exact"], "no --methods: "),
        (["pipeline", "--overload", "--quixstreams"], "no --quixstreams: "),
        (["pipeline", "--overload", "--repetitions", "1"], "no --repetitions: "),
        (["pipeline", "--overload", "--engines", "ray"], "no --engines: "),
        (["pipeline", "--overload", "--broker", "both"], "--broker kafka or --broker embedded"),
        (["pipeline", "--saturation", "--broker", "both"], "--broker kafka or --broker embedded"),
        (["pipeline", "--saturation", "--rates", "9", "--seconds", "2"], "no --rates: "),
        (["pipeline", "--saturation", "--overload"], "one at a time"),
        (["pipeline", "--saturation", "--minutes", "3"], "--overload"),
        (["pipeline", "--engines", "ray"], "--methods resample"),
        (["pipeline", "--engines", "ray", "--methods", "exact"], "--methods resample"),
        (["soak", "--minutes", "0"], "--minutes"),
        (["ingest", "--repetitions", "0"], "--repetitions"),
        (["kernels", "--seconds", "0"], "--seconds"),
        (["pipeline", "--seconds", "-1"], "--seconds"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_starts(arguments, told: str):
    done = CliRunner().invoke(main, ["bench", *arguments])
    assert done.exit_code == 2
    assert told in done.output


def test_a_broker_that_is_not_there_is_told_in_one_line(tmp_path):
    options = ["--bootstrap", "127.0.0.1:1", "--rates", "100", "--output", str(tmp_path)]
    done = CliRunner().invoke(main, ["bench", "pipeline", *options])
    assert done.exit_code == 1
    # A line before may say that the machine is busy.
    told = [line for line in done.output.splitlines() if not line.startswith("warning: load ")]
    (line,) = filter(None, told)
    assert line.startswith("Error: ")
    assert "127.0.0.1:1" in line


@pytest.mark.parametrize("name", ["missing/report.html", "result.json/report.html"])
def test_a_report_for_no_folder_is_refused_before_a_result_is_read(tmp_path: Path, name: str):
    result = tmp_path / "result.json"
    result.write_text("no result at all")
    output = tmp_path / name
    done = CliRunner().invoke(main, ["bench", "report", str(result), "--output", str(output)])
    assert done.exit_code == 2
    told = f"Error: {output.parent} is no folder: make it, or name another --output"
    assert done.output.strip() == told


def test_a_report_that_cannot_be_written_is_one_line_with_the_file():
    kept = str(ROOT / "docs/performance/start.json")
    done = CliRunner().invoke(main, ["bench", "report", kept, "--output", "/dev/full"])
    assert done.exit_code == 2
    told = "Error: /dev/full: No space left on device; name another --output"
    assert done.output.strip() == told


@pytest.mark.kafka
def test_a_kafka_of_its_own_answers_with_short_pauses_and_is_gone_afterwards():
    with own_kafka() as broker:
        assert AdminClient({"bootstrap.servers": broker.address}).list_topics(timeout=10).brokers
        assert broker.pid is not None
        server = psutil.Process(broker.pid)
        folder = Path(server.cwd())
        options = (folder / "java.args").read_text()
        assert "-XX:+UseZGC" in options
        assert "SerialGC" not in options
        assert "-Xmx1g" in options
        assert "-Xmx512m" not in options
    assert not server.is_running()
    assert not folder.exists()
