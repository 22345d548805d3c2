"""Figures of many samples: how they lie, and how they went over an hour."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from bench.html_document import OTHER_COLOURS, OURS_COLOUR, colour_of, new_figure
from bench.rows import Row, group_cases
from bench.soak.trends import Trend


def histogram_figures(graph: Any, rows: Sequence[Row]) -> Iterator[Any]:
    """Draw how many samples lie where: bars of one subject, a line for each of several."""
    for case, found in group_cases(rows).items():
        counted = [row for row in found if row.histogram is not None]
        if len(counted) == 1:
            yield _bars(graph, counted[0])
        elif counted:
            yield _lines(graph, case, counted)


def _bars(graph: Any, row: Row) -> Any:
    """Draw one histogram; both axes by logarithm, as the worst are few."""
    counts, bins = _bins(row)
    figure = new_figure(graph, row.case)
    figure.add_bar(
        x=[(low + high) / 2.0 for low, high in bins],
        width=[high - low for low, high in bins],
        y=list(counts),
        customdata=[f"{low:.3g} to {high:.3g} {row.unit}" for low, high in bins],
        hovertemplate="%{y} of %{customdata}<extra></extra>",
        marker_color=OURS_COLOUR,
    )
    figure.update_xaxes(type="log", title=row.unit)
    # From a half: a bar of one would have no height.
    figure.update_yaxes(
        type="log", range=[math.log10(0.5), math.log10(2.0 * max(counts))], title="how many"
    )
    return figure


def _lines(graph: Any, case: str, rows: Sequence[Row]) -> Any:
    """Draw several as shares of each one's samples, of which all have their own number."""
    figure = new_figure(graph, f"{case}: how the samples lie")
    colours = iter(OTHER_COLOURS * len(rows))
    for row in rows:
        counts, bins = _bins(row)
        figure.add_scatter(
            x=[math.sqrt(low * high) for low, high in bins],
            y=[100.0 * count / sum(counts) for count in counts],
            name=row.subject, mode="lines",
            line={"shape": "hvh", "color": colour_of(row.subject) or next(colours)},
        )  # fmt: skip
    figure.update_xaxes(type="log", title=rows[0].unit)
    figure.update_yaxes(title="% of the samples in each 12 % of the axis")
    return figure


def _bins(row: Row) -> tuple[tuple[int, ...], list[tuple[float, float]]]:
    if row.histogram is None:
        raise ValueError(f"{row.subject} in {row.case} keeps no histogram")
    return row.histogram.counts, list(pairwise(row.histogram.edges))


def course_figures(graph: Any, trends: Sequence[Trend]) -> Iterator[Any]:
    """Draw how each measure went, a line of block medians for each process that keeps them."""
    kept = [trend for trend in trends if trend.block_medians]
    for measure, unit in dict.fromkeys((trend.measure, trend.unit) for trend in kept):
        figure = new_figure(graph, f"{measure}, medians of blocks")
        colours = iter(OTHER_COLOURS * len(kept))
        for trend in kept:
            if (trend.measure, trend.unit) == (measure, unit):
                figure.add_scatter(
                    x=list(trend.block_minutes), y=list(trend.block_medians), name=trend.process,
                    mode="lines+markers", line_color=next(colours),
                )  # fmt: skip
        figure.update_xaxes(title="minutes")
        figure.update_yaxes(title=unit)
        yield figure
