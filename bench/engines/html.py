"""The comparison as one HTML file: Plotly inside, nothing asked of the network."""

from collections.abc import Sequence
from html import escape
from typing import Any

from bench.engines.findings import describe_job, make_findings
from bench.engines.report import Detail, EngineReport
from bench.engines.stages import STAGES, values
from bench.engines.subjects import SUBJECTS
from bench.engines.targets import find_targets
from bench.html_document import HEIGHT, embed, load_plotly, make_document, new_figure
from bench.latency_figures import curve
from bench.rows import format_ratio
from bench.verdicts import KINDS, RULE

_COLOURS = ("#3d5a80", "#e07a5f", "#81b29a", "#f2cc8f", "#6d597a", "#b56576", "#355070",
            "#2a9d8f", "#8d99ae", "#bc6c25", "#588157", "#9d4edd", "#457b9d", "#d62828",
            "#7f5539", "#495057", "#ffb703", "#219ebc", "#fb8500")  # fmt: skip
_STAGE_COLOURS = dict(
    zip(STAGES, ("#8d99ae", "#3d5a80", "#adb5bd", "#81b29a", "#e07a5f", "#f2cc8f"), strict=True)
)


def make_html(report: EngineReport) -> str:
    """Write the whole page; it holds Plotly's program and makes no request."""
    graph = load_plotly()
    figures = [
        *_distributions(graph, report.details),
        *_stages(graph, report.details),
        *_scaling(graph, report.details),
        *_rates(graph, report.details),
        *_starts(graph, report),
        *_control(graph, report),
    ]
    sections = [
        _head(report),
        _findings(report),
        _goals(report),
        "<h2>Figures</h2>",
        _how_to_read(),
        *map(embed, figures),
        _who(report),
    ]
    return make_document("Ray or Spark?", "\n".join(sections))


def _head(report: EngineReport) -> str:
    machine = ", ".join(f"{escape(k)} {escape(v)}" for k, v in report.machine.items())
    versions = ", ".join(f"{escape(k)} {escape(v)}" for k, v in report.versions.items())
    jobs = "; ".join(describe_job(job) for job in dict.fromkeys(d.job for d in report.details))
    return (
        "<h1>Ray or Spark?</h1><p>The same portfolio decision, the same bits, on different "
        f"engines: {escape(jobs)}. Every answer was compared with one computed on the spot; a "
        f"wrong one would have ended the run.</p><p class=note>{machine}.<br>{versions}.</p>"
    )


def _findings(report: EngineReport) -> str:
    lines = "".join(f"<li>{escape(one)}</li>" for one in make_findings(report))
    return f"<h2>What it says</h2><ul>{lines}</ul>"


def _goals(report: EngineReport) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.says)}</td><td>{format_ratio(one.value)}</td>"
        f"<td>{one.spread_text()}</td>"
        f"<td class={KINDS[one.outcome]}>{one.outcome}</td></tr>"
        for one in find_targets(report.details)
    )
    head = "<th>goal</th><th>measured</th><th>least to greatest</th><th>verdict</th>"
    return f"<h2>Goals</h2><p>{RULE}</p><table><tr>{head}</tr>{rows}</table>"


def _how_to_read() -> str:
    return (
        "<p class=note>Latencies run from when a request was due, whether or not the one before "
        "it was answered (open loop, Poisson): a stall counts for all that fell due meanwhile. "
        "Who takes long is offered less, so that it is busy 30 % of the time. Percentiles are "
        "of HdrHistogram, intervals are bootstrap intervals over repetitions and requests. "
        "Subjects take turns, each in a fresh process.</p>"
    )


def _who(report: EngineReport) -> str:
    names = dict.fromkeys(one.subject for one in report.details)
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{SUBJECTS[name].group}</td>"
        f"<td>{escape(SUBJECTS[name].says)}</td></tr>"
        for name in names
    )
    left = "".join(f"<li>{escape(k)}: {escape(v)}</li>" for k, v in report.left_out.items())
    rest = f"<p>Left out:</p><ul>{left}</ul>" if left else ""
    head = "<h2>Who took part</h2><table><tr><th>subject</th><th>group</th><th>what it is</th></tr>"
    return f"{head}{rows}</table>{rest}"


def _pairs(details: Sequence[Detail]) -> list[tuple[str, int]]:
    return list(dict.fromkeys((one.job, one.workers) for one in details))


def _colour(subject: str) -> str:
    return _COLOURS[list(SUBJECTS).index(subject) % len(_COLOURS)]


def _distributions(graph: Any, details: Sequence[Detail]) -> list[Any]:
    figures = []
    for job, workers in _pairs(details):
        figure = new_figure(graph, f"Latency: {describe_job(job)}, {workers} worker(s)")
        for one in details:
            if (one.job, one.workers) == (job, workers):
                tails, ms = curve(one.latency.histogram)
                figure.add_scatter(
                    x=tails, y=ms, name=one.subject, mode="lines", line_color=_colour(one.subject)
                )
        ticks = [1, 2, 10, 100, 1000, 10_000]
        names = ["min", "p50", "p90", "p99", "p99.9", "p99.99"]
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=names, title="percentile")
        figure.update_yaxes(type="log", title="ms")
        figures.append(figure)
    return figures


def _stages(graph: Any, details: Sequence[Detail]) -> list[Any]:
    figures = []
    for job in dict.fromkeys(one.job for one in details):
        chosen = [one for one in details if one.job == job and one.workers == 2]
        figure = new_figure(graph, f"Where a decision's time goes: {describe_job(job)}, 2 workers")
        for name in STAGES:
            figure.add_bar(
                y=[one.subject for one in chosen],
                x=[values(one.stages)[name] for one in chosen],
                name=name, orientation="h", marker_color=_STAGE_COLOURS[name],
            )  # fmt: skip
        figure.update_layout(barmode="stack")
        figure.update_xaxes(title="ms")
        figures.append(figure)
    return figures


def _scaling(graph: Any, details: Sequence[Detail]) -> list[Any]:
    ours = [one for one in details if SUBJECTS[one.subject].group == "ours"]
    figure = new_figure(graph, "Scaling with assets and workers: median of resampling, 1024 draws")
    for subject, workers in dict.fromkeys((one.subject, one.workers) for one in ours):
        points = sorted(
            (int(one.job.removeprefix("resample-")), one.latency.p50.value)
            for one in ours
            if (one.subject, one.workers) == (subject, workers) and one.job.startswith("resample")
        )
        if points:
            n, ms = zip(*points, strict=True)
            figure.add_scatter(
                x=n, y=ms, name=f"{subject}, {workers}", mode="lines+markers",
                line={"color": _colour(subject), "dash": "solid" if workers == 2 else "dot"},
            )  # fmt: skip
    figure.update_xaxes(title="assets", type="log")
    figure.update_yaxes(title="ms", type="log")
    return [figure]


def _rates(graph: Any, details: Sequence[Detail]) -> list[Any]:
    found = [one for one in details if one.sustained]
    if not found:
        return []
    figure = new_figure(graph, "Highest sustained rate, decisions a second")
    for job in dict.fromkeys(one.job for one in found):
        chosen = [one for one in found if one.job == job]
        names = [f"{one.subject}, {one.workers}" for one in chosen]
        figure.add_bar(x=names, y=[one.sustained for one in chosen], name=describe_job(job))
    figure.update_yaxes(type="log", title="a second")
    return [figure]


def _starts(graph: Any, report: EngineReport) -> list[Any]:
    figure = new_figure(graph, "Starts, s: until ready, and from ready to the first decision")
    names = [f"{one.subject}, {one.workers}" for one in report.starts]
    figure.add_bar(y=names, x=[one.ready_s for one in report.starts], name="ready", orientation="h")
    figure.add_bar(y=names, x=[one.warm_s for one in report.starts], name="first", orientation="h")
    figure.update_layout(barmode="stack", height=max(HEIGHT, 26 * len(names)))
    return [figure]


def _control(graph: Any, report: EngineReport) -> list[Any]:
    if not report.controls:
        return []
    figure = new_figure(graph, "Control: a stall of 200 ms in some requests must show, and does")
    for one in report.controls:
        tails, ms = curve(one.latency.histogram)
        figure.add_scatter(x=tails, y=ms, name=one.subject, mode="lines")
    ticks, names = [1, 2, 10, 100, 1000], ["min", "p50", "p90", "p99", "p99.9"]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=names, title="percentile")
    figure.update_yaxes(type="log", title="ms")
    return [figure]
