import re
from pathlib import Path

import plotly.graph_objects as graph
from click.testing import CliRunner

from bench.html import make_html
from bench.html_figures import group_figures
from bench.kept_results import read_kept
from bench.report import Report
from bench.rows import make_row
from bench.stages import hidden_cases, stage_names
from bench.verdicts import RULE
from silverbullet.cli import main

DOCS = Path(__file__).parents[2] / "docs" / "performance"
KEPT = [*sorted(DOCS.glob("*.json")), DOCS / "engines" / "engines.json"]


def a_report(bench: str, *rows) -> Report:
    return Report(bench=bench, machine={"cores": "<2>"}, versions={"numpy": "2"}, rows=rows)


def figures_of(report: Report) -> list:
    return [figure for group in group_figures(graph, report) for figure in group.figures]


def test_the_page_of_all_kept_results_asks_nothing_of_a_network():
    text = make_html([read_kept(path) for path in KEPT])
    # Plotly's own program names addresses in strings; nothing outside it may load one.
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", outside)
    assert "<link" not in outside.replace('<link rel="icon" href="data:,">', "")
    for path in KEPT:
        assert f"bench {read_kept(path).bench}" in outside
    targets = re.findall(r'id="([^"]+)"', outside)
    assert len(set(targets)) == len(targets)
    links = re.findall(r'href="#([^"]+)"', outside)
    assert set(links) <= set(targets)
    assert {"pipeline-kafka-where-the-time-goes", "soak"} <= set(links)
    headings = re.split(r"<h3[^>]*>", outside)[1:]
    assert headings
    assert all('class="plot"' in one for one in headings), "a heading without a figure"
    assert "met, " in outside
    assert RULE in outside


def test_names_are_escaped_and_every_case_has_its_figure():
    report = a_report(
        "kernels",
        make_row("a < b", "silverbullet", "us", [[1.0], [2.0]]),
        make_row("a < b", "peer", "us", [[3.0], [4.0]]),
        make_row("drift", "silverbullet", "of the bound", [[0.0], [0.5]]),
    )
    text = make_html([report])
    assert "cores &lt;2&gt;" in text
    first, second = figures_of(report)
    boxes = {trace.y[0]: list(trace.x) for trace in first.data if trace.type == "box"}
    assert boxes == {"silverbullet": [1.0, 2.0], "peer": [3.0, 4.0]}
    assert first.layout.xaxis.type == "log"
    assert second.layout.xaxis.type == "linear"  # a logarithm has no place for zero


def test_stages_are_bars_that_add_up_and_have_no_figures_of_their_own():
    case = "Kafka, JSON ticks to the end of the topic"
    stages = {"fetch": 5.0, "decode and admit": 3.0, "windows": 2.0}
    rows = [make_row(case, "silverbullet", "ns a tick", [[10.0], [11.0]])]
    rows += [make_row(f"{case}, {name}", "silverbullet", "ns a tick", [[value], [value]])
             for name, value in stages.items()]  # fmt: skip
    bars, box = figures_of(a_report("ingest", *rows))
    assert {bar.name: bar.x[0] for bar in bars.data} == stages
    assert bars.layout.barmode == "stack"
    assert box.layout.title.text == case


def test_a_command_writes_the_page_beside_the_result(tmp_path: Path):
    path = tmp_path / "kernels.json"
    report = a_report("kernels", make_row("job", "silverbullet", "us", [[1.0]]))
    path.write_text(report.to_json())
    done = CliRunner().invoke(main, ["bench", "report", str(path)])
    assert done.exit_code == 0
    assert "bench kernels" in (tmp_path / "kernels.html").read_text()
    path.write_text("no result")
    refused = CliRunner().invoke(main, ["bench", "report", str(path)])
    assert refused.exit_code == 2
    assert "no result of a benchmark" in refused.output


def test_a_peer_of_the_pipeline_has_its_own_part_in_one_and_each_method_a_figure():
    def stage(method: str, name: str, subject: str, us: float):
        return make_row(f"Kafka, {method}, 1000 ticks/s, {name}", subject, "us", [[us], [us]])

    ours = {"kafka in": 300.0, "update": 100.0, "solve": 20.0, "own part": 120.0, "total": 420.0}
    rows = [stage("exact", name, "silverbullet", us) for name, us in ours.items()]
    peer = {"kafka in": 300.0, "own part": 5000.0, "total": 5300.0}
    rows += [stage("exact", name, "PyPortfolioOpt", us) for name, us in peer.items()]
    rows += [stage("resample", name, "silverbullet", 50 * us) for name, us in ours.items()]
    first = group_figures(graph, a_report("pipeline", *rows))[0]
    assert first.title == "Where the time goes"
    exact, resample = first.figures
    label = "Kafka, exact, 1000 ticks/s, "
    bars = {bar.name: dict(zip(bar.y, bar.x, strict=True)) for bar in exact.data}
    for name, us in {"kafka in": 300.0, "update": 0.0, "own part": 5000.0}.items():
        assert bars[name][f"{label}PyPortfolioOpt"] == us
    assert bars["own part"][f"{label}silverbullet"] == 0.0
    assert bars["update"][f"{label}silverbullet"] == 100.0
    assert "resample" in resample.layout.title.text


def test_results_of_one_benchmark_are_told_apart_and_each_is_linked_to():
    row = make_row("a", "silverbullet", "us", [[1.0], [2.0]])
    places = (
        {"time": "2026-11-29 08:12 UTC", "commit": "0123456789ab"},
        {"time": "2026-11-30 09:00 UTC", "commit": "ba9876543210"},
        {"time": "2026-11-30 09:00 UTC", "commit": "ba9876543210"},  # the same file again
        {},  # of a form that kept neither
    )
    several = [Report(bench="kernels", machine=one, versions={}, rows=(row,)) for one in places]
    text = make_html([*several, a_report("start", row)])
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    targets = re.findall(r'id="([^"]+)"', outside)
    assert len(set(targets)) == len(targets)
    assert re.findall(r'href="#([^"]+)"', outside) == targets
    links = dict(re.findall(r'href="#([^"]+)">(bench [^<]+)<', outside))
    assert list(links.values()) == [
        "bench kernels, 2026-11-29 08:12 UTC, 0123456789ab",
        "bench kernels, 2026-11-30 09:00 UTC, ba9876543210, no. 1",
        "bench kernels, 2026-11-30 09:00 UTC, ba9876543210, no. 2",
        "bench kernels",
        "bench start",
    ]


def test_stages_are_hidden_in_tables_and_an_own_part_is_not():
    case = "Kafka, exact, 1000 ticks/s"
    names = ("kafka in", "own part", "update", "wait", "total")
    rows = [make_row(f"{case}, {name}", "silverbullet", "us", [[1.0]]) for name in names]
    hidden = {f"{case}, {name}" for name in ("kafka in", "update", "wait")}
    assert hidden_cases("pipeline", rows) == hidden
    assert stage_names("pipeline")[1:4] == ("kafka in", "own part", "update")
    assert hidden_cases("no such", rows) == frozenset()


def test_a_contender_has_one_colour_in_all_figures():
    samples = {"silverbullet": 1.0, "bound": 0.5}
    rows = [make_row("a", name, "us", [[us], [us]], with_histogram=True)
            for name, us in samples.items()]  # fmt: skip
    lines, boxes = figures_of(a_report("kernels", *rows))
    drawn = {line.name: line.line.color for line in lines.data}
    boxed = {box.name: box.marker.color for box in boxes.data if box.type == "box"}
    assert drawn == boxed
    assert set(drawn) == set(samples)


def test_stages_of_kernels_are_shares_as_their_sizes_differ_a_thousandfold():
    case = "draw and solve from the posterior of 50 assets"
    rows = [make_row(case, "silverbullet", "us a draw", [[10.0]]),
            make_row(f"{case}, normals", "silverbullet", "us a draw", [[2.5]])]  # fmt: skip
    (bar,) = group_figures(graph, a_report("kernels", *rows))[0].figures[0].data
    assert (bar.name, list(bar.x)) == ("normals", [25.0])


def test_the_page_of_several_results_is_named_after_none_of_them(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    for name in ("kernels", "start"):
        report = a_report(name, make_row("job", "silverbullet", "us", [[1.0]]))
        (tmp_path / "kept" / f"{name}.json").write_text(report.to_json())
    done = CliRunner().invoke(main, ["bench", "report", "kept/kernels.json", "kept/start.json"])
    assert done.output == "report.html\n"
    assert "bench start" in (tmp_path / "report.html").read_text()


def test_a_result_with_a_row_of_no_repetition_is_refused(tmp_path: Path):
    path = tmp_path / "kernels.json"
    report = a_report("kernels", make_row("job", "silverbullet", "us", [[1.0]]))
    path.write_text(report.to_json().replace('"runs":[1.0]', '"runs":[]').replace(
        '"runs": [\n        1.0\n      ]', '"runs": []'))  # fmt: skip
    assert "1.0]" not in path.read_text().replace(" ", "")
    refused = CliRunner().invoke(main, ["bench", "report", str(path)])
    assert refused.exit_code == 2
    assert "no result of a benchmark" in refused.output
    assert "runs" in refused.output
