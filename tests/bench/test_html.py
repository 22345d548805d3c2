import re
from pathlib import Path

import plotly.graph_objects as graph
from click.testing import CliRunner

from bench.html import make_html
from bench.html_figures import make_figures
from bench.page import read_kept
from bench.report import Report
from bench.rows import make_row
from bench.verdicts import RULE
from silverbullet.cli import main

DOCS = Path(__file__).parents[2] / "docs" / "performance"
KEPT = [*sorted(DOCS.glob("*.json")), DOCS / "engines" / "engines.json"]


def a_report(bench: str, *rows) -> Report:
    return Report(bench=bench, machine={"cores": "<2>"}, versions={"numpy": "2"}, rows=rows)


def test_the_page_of_all_kept_results_asks_nothing_of_a_network():
    text = make_html([read_kept(path) for path in KEPT])
    # Plotly's own program names addresses in strings; nothing outside it may load one.
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", outside)
    assert "<link" not in outside.replace('<link rel="icon" href="data:,">', "")
    for path in KEPT:
        assert f"bench {read_kept(path).bench}" in outside
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
    first, second = make_figures(graph, report)
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
    bars, box = make_figures(graph, a_report("ingest", *rows))
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
