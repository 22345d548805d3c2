"""The figures of a report: how runs lie, how cost grows, where the time goes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.growth import ORDERS, Size, read_size
from bench.html_distributions import histogram_figures
from bench.html_document import (
    ORDER_COLOUR,
    OTHER_COLOURS,
    OURS_COLOUR,
    PEER_COLOUR,
    colour_of,
    new_figure,
)
from bench.report import Report
from bench.rows import Row, group_cases
from bench.stages import Breakdown, find_breakdowns, hidden_cases, stage_names

_COLOURS = (PEER_COLOUR, OURS_COLOUR, *OTHER_COLOURS[1:], ORDER_COLOUR)
_ROW_HEIGHT, _FRAME_HEIGHT = 34, 130
_LEFT = 250  # for names, which Plotly would cut


class Group(NamedTuple):
    """Figures that answer one question.

    Attributes
    ----------
    title
        The question's answer, as a heading.
    figures
        Of Plotly, in the order in which they are read.
    is_open
        Whether they are shown at once; else when they are asked for.
    """

    title: str
    figures: list[Any]
    is_open: bool = True


def group_figures(graph: Any, report: Report) -> list[Group]:
    """Give all figures of a report, in the order in which they are read."""
    groups = (
        Group("Where the time goes", list(_stages(graph, report))),
        Group("How the cost grows", list(_scaling(graph, report))),
        Group("How the samples lie", list(histogram_figures(graph, report.rows))),
        Group("One value each", list(_single_values(graph, report))),
        # A box for each of some hundred cases.
        Group("How the repetitions lie", list(_distributions(graph, report)), is_open=False),
    )
    return [group for group in groups if group.figures]


def _distributions(graph: Any, report: Report) -> Iterator[Any]:
    """Draw how the repetitions of each case lie, subject by subject; stages have a figure."""
    hidden = hidden_cases(report.bench, report.rows)
    for case, rows in group_cases(report.rows).items():
        is_scaling = any(read_size(row.subject) is not None for row in rows)
        if case in hidden or is_scaling or rows[0].unit == "exponent" or _is_single(rows):
            continue
        height = _FRAME_HEIGHT + _ROW_HEIGHT * len(rows)
        figure = new_figure(graph, case, height)
        for row in reversed(rows):  # Plotly begins at the bottom
            colour = colour_of(row.subject) or PEER_COLOUR
            figure.add_box(
                x=list(row.runs), y=[row.subject] * len(row.runs), orientation="h",
                boxpoints="all", pointpos=0, jitter=0.3, name=row.subject, marker_color=colour,
                line_width=1,
            )  # fmt: skip
            figure.add_scatter(
                x=[row.p99, row.max], y=[row.subject] * 2, mode="markers",
                text=["p99 of all samples", "maximum of all samples"], name=row.subject,
                marker={"symbol": ["line-ns-open", "x-thin-open"], "color": colour, "size": 9},
            )  # fmt: skip
        positive = all(value > 0 for row in rows for value in (*row.runs, row.p99, row.max))
        figure.update_xaxes(type="log" if positive else "linear", title=rows[0].unit)
        figure.update_layout(showlegend=False, margin={"l": _LEFT, "t": 50, "b": 50})
        yield figure


def _is_single(rows: Sequence[Row]) -> bool:
    return len(rows) == 1 and len(rows[0].runs) == 1


def _single_values(graph: Any, report: Report) -> Iterator[Any]:
    """Draw what has one value a case, unit by unit."""
    hidden = hidden_cases(report.bench, report.rows)
    single = [
        rows[0]
        for case, rows in group_cases(report.rows).items()
        if _is_single(rows) and case not in hidden and rows[0].histogram is None
    ]
    for unit in dict.fromkeys(row.unit for row in single):
        chosen = [row for row in single if row.unit == unit][::-1]
        height = _FRAME_HEIGHT + _ROW_HEIGHT * len(chosen)
        figure = new_figure(graph, f"One value each, {unit}", height)
        figure.add_bar(
            x=[row.p50 for row in chosen], y=[row.case for row in chosen], orientation="h",
            marker_color=OURS_COLOUR,
        )  # fmt: skip
        figure.update_layout(margin={"l": _LEFT, "t": 50, "b": 50})
        figure.update_xaxes(title=unit)
        yield figure


def _stages(graph: Any, report: Report) -> Iterator[Any]:
    """Draw the medians of the stages; those of kernels, of any size, as shares of the whole."""
    found = find_breakdowns(report.bench, report.rows)
    as_shares = report.bench == "kernels"
    for unit, method in dict.fromkeys((one.unit, _method(report, one)) for one in found):
        chosen = [one for one in found if (one.unit, _method(report, one)) == (unit, method)][::-1]
        figure = new_figure(
            graph, ", ".join(filter(None, ("Medians of the stages", method))),
            _FRAME_HEIGHT + _ROW_HEIGHT * len(chosen),
        )  # fmt: skip
        labels = [f"{one.case}, {one.subject}" for one in chosen]
        for place, name in enumerate(stage_names(report.bench)):
            values = [dict(one.stages).get(name, 0.0) for one in chosen]
            if as_shares:
                values = [
                    100.0 * value / one.total for value, one in zip(values, chosen, strict=True)
                ]
            if any(values):
                figure.add_bar(
                    y=labels, x=values, name=name, orientation="h",
                    marker_color=_COLOURS[place % len(_COLOURS)],
                )  # fmt: skip
        figure.update_layout(barmode="stack", margin={"l": _LEFT + 100, "t": 50, "b": 50})
        figure.update_xaxes(title=f"% of the whole ({unit})" if as_shares else unit)
        yield figure


def _method(report: Report, one: Breakdown) -> str:
    """Give how a pipeline decides: beside a method of 90 ms one of 1 ms would not be seen."""
    return one.case.split(", ")[1] if report.bench == "pipeline" else ""


def _scaling(graph: Any, report: Report) -> Iterator[Any]:
    """Draw cost by assets, a line for each window, with the slope that its order allows."""
    for case, rows in group_cases(report.rows).items():
        sized = {size: row for row in rows if (size := read_size(row.subject)) is not None}
        if len({size.assets for size in sized}) < 2:
            continue
        figure = new_figure(graph, case)
        for place, window in enumerate(dict.fromkeys(size.window for size in sized)):
            name = "all windows" if window is None else f"window {window}"
            colour = _COLOURS[place % len(_COLOURS)]
            _add_line(figure, sized, window, name, colour)
        if case in ORDERS:
            _add_order(figure, case, sized)
        figure.update_xaxes(type="log", title="assets")
        figure.update_yaxes(type="log", title=rows[0].unit)
        yield figure


def _add_line(
    figure: Any, sized: Mapping[Size, Row], window: int | None, name: str, colour: str
) -> None:
    line = sorted(
        (size.assets, float(np.median(row.runs)), min(row.runs), max(row.runs))
        for size, row in sized.items()
        if size.window == window
    )
    n, middle, least, greatest = zip(*line, strict=True)
    errors = {
        "type": "data",
        "symmetric": False,
        "array": [high - mid for high, mid in zip(greatest, middle, strict=True)],
        "arrayminus": [mid - low for mid, low in zip(middle, least, strict=True)],
    }
    figure.add_scatter(
        x=list(n), y=list(middle), name=name, mode="lines+markers", line_color=colour,
        error_y=errors,
    )  # fmt: skip


def _add_order(figure: Any, case: str, sized: Mapping[Size, Row]) -> None:
    """Draw the order through the largest size of the first window."""
    window = next(iter(sized)).window
    sizes: Sequence[Size] = sorted(size for size in sized if size.window == window)
    last = float(np.median(sized[sizes[-1]].runs))
    power = ORDERS[case].assets
    n = [size.assets for size in sizes]
    figure.add_scatter(
        x=n, y=[last * (one / n[-1]) ** power for one in n], mode="lines",
        name=ORDERS[case].says("assets"), line={"color": ORDER_COLOUR, "dash": "dot"},
    )  # fmt: skip
