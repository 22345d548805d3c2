"""All results as one HTML file beside their JSON, which works without a network."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from bench.engines.report import EngineReport
from bench.html_distributions import course_figures
from bench.html_document import embed, load_plotly, make_document
from bench.html_figures import Group, group_figures
from bench.lower_limits import find_lower_limits
from bench.machine import COMMIT
from bench.report import Report, describe
from bench.rows import COLUMNS, format_row, group_cases
from bench.soak.report import COLUMNS as SOAK_COLUMNS
from bench.soak.report import SoakReport, describe_soak, format_trend
from bench.summary import (
    HEAD,
    Kept,
    Line,
    count_apart,
    name_report,
    not_measured,
    summarise_goals,
)
from bench.verdicts import KINDS, RULE


def make_html(reports: Sequence[Kept]) -> str:
    """Write goals, figures, machine and versions of all reports, in their order."""
    graph = load_plotly()
    groups = [_groups(graph, report) for report in reports]
    names = _name_apart(reports)
    sections = [_section(*one) for one in zip(names, reports, groups, strict=True)]
    return make_document(
        "SilverBullet: benchmarks", "\n".join([_head(reports, _contents(names, groups)), *sections])
    )


def _groups(graph: Any, report: Kept) -> list[Group]:
    if isinstance(report, SoakReport):
        courses = list(course_figures(graph, report.trends))
        return [Group("How it went", courses)] if courses else []  # an older result keeps none
    return [] if isinstance(report, EngineReport) else group_figures(graph, report)


def _name_apart(reports: Sequence[Kept]) -> list[str]:
    """Name each result; several of one benchmark by their time and commit too, last by number."""
    names = [name_report(report) for report in reports]
    told = [
        ", ".join([name, *filter(None, map(report.machine.get, ("time", COMMIT)))])
        if names.count(name) > 1
        else name
        for name, report in zip(names, reports, strict=True)
    ]
    return [
        f"{name}, no. {told[: place + 1].count(name)}" if told.count(name) > 1 else name
        for place, name in enumerate(told)
    ]


def _anchor(*names: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", " ".join(names).lower()).strip("-")


def _contents(names: Sequence[str], groups: Sequence[Sequence[Group]]) -> str:
    """Link to each benchmark and its figures."""
    items = []
    for name, found in zip(names, groups, strict=True):
        links = [(f"bench {name}", _anchor(name))]
        links += [(group.title.lower(), _anchor(name, group.title)) for group in found]
        told = [f'<a href="#{anchor}">{escape(text)}</a>' for text, anchor in links]
        items.append(f"<li>{told[0]}{': ' * (len(told) > 1)}{', '.join(told[1:])}</li>")
    return f"<nav><ul>{''.join(items)}</ul></nav>"


def _head(reports: Sequence[Kept], contents: str) -> str:
    lines = summarise_goals(reports)
    left = "".join(
        _row([escape(bench), escape(says)])
        for bench, goals in not_measured(reports).items()
        for says in goals
    )
    rest = f"<details><summary>Goals not measured here</summary><table>{left}</table></details>"
    return (
        "<h1>Benchmarks</h1><p>A figure is the median of the repetitions' medians; a ratio the "
        f"median of those within interleaved repetitions.</p>{contents}"
        f"<h2>Goals</h2><p>{RULE}</p>"
        f"<p>{count_apart(lines)}</p>{_goal_table(lines)}" + (rest if left else "")
    )


def _goal_table(lines: Sequence[Line]) -> str:
    rows = []
    for line in lines:
        cells = [f"<td>{escape(cell)}</td>" for cell in line.cells()]
        cells[-2] = f"<td class={KINDS[line.outcome]}>{line.outcome}</td>"
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{_row(HEAD, 'th')}{''.join(rows)}</table>"


def _row(told: Sequence[str], tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in told) + "</tr>"


def _section(name: str, report: Kept, groups: Sequence[Group]) -> str:
    title = f'<h2 id="{_anchor(name)}">bench {escape(name)}</h2>'
    figures = "".join(_group(name, group) for group in groups)
    if isinstance(report, SoakReport):
        rows = "".join(_row([escape(cell) for cell in format_trend(one)]) for one in report.trends)
        table = f"<table>{_row(SOAK_COLUMNS, 'th')}{rows}</table>"
        return title + _notes(describe_soak(report)) + table + figures
    if isinstance(report, EngineReport):
        return title + _notes(describe(report)) + (
            "<p>Distributions, stages, scaling and starts are in the report of "
            "<code>bench engines</code> itself, beside its turns.</p>"
        )  # fmt: skip
    return title + _notes(describe(report)) + figures + _all_figures(report)


def _group(name: str, group: Group) -> str:
    title = f'<h3 id="{_anchor(name, group.title)}">{group.title}</h3>'
    drawn = "\n".join(map(embed, group.figures))
    if group.is_open:
        return title + drawn
    return (
        f"{title}<details><summary>{len(group.figures)} figures</summary><p class=note>Boxes are "
        "of the repetitions' medians; the tick and the cross are p99 and maximum of all "
        f"samples.</p>{drawn}</details>"
    )


def _all_figures(report: Report) -> str:
    rows: list[str] = []
    for case, found in group_cases(report.rows).items():
        limits = find_lower_limits(report.machine, case, found)
        cells = ((case, *format_row(row, found, limits)) for row in found)
        rows.extend(_row([escape(cell) for cell in one]) for one in cells)
    return (
        f"<details><summary>All figures</summary><table>{_row(('case', *COLUMNS), 'th')}"
        f"{''.join(rows)}</table></details>"
    )


def _notes(lines: Sequence[str]) -> str:
    return "<p class=note>" + "<br>".join(escape(line) for line in lines) + "</p>"
