"""The panels: titles, captions and the empty places that the browser draws into."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from ui.dashboard.attributes import NO_VALUE, attributes

RANGES = (60, 240, 960)

_BY_NATURE = (
    ". Of short intervals it is huge by nature and swings: it compares portfolios, it promises "
    "nothing. Below: the same per interval"
)
# Identifier, label, unit, and how the figure comes about.
FIGURES = (
    (
        "return",
        "Expected return",
        "a year",
        "Log return a year: the figure per interval times the intervals in 365 days" + _BY_NATURE,
    ),
    (
        "volatility",
        "Volatility",
        "a year",
        "The figure per interval times the square root of the intervals in 365 days. Below: the "
        "same per interval",
    ),
    (
        "sharpe",
        "Sharpe ratio",
        "a year",
        "Risk-free 0: return over volatility per interval, times the square root of the intervals "
        "in 365 days" + _BY_NATURE + ", \u00b1 one standard deviation over the draws",
    ),
    (
        "gap",
        "Optimality gap",
        "",
        "How far below the exact optimum of the same estimates. For resampled portfolios it is "
        "the price of robustness, not an error",
    ),
    ("rate", "Decisions a second", "", "As the run reports it"),
    (
        "latency",
        "Tick to decision",
        "",
        "From the newest tick's own time to the decision's publication: p50, and p99 below, over "
        "the decisions in the chosen range",
    ),
)


def panel(identifier: str, title: str, *children: Component, tools: Any = None) -> Component:
    """Frame a part of the page: a heading, a caption that the browser fills, a body."""
    return html.Section(
        id=f"{identifier}-panel",
        className="panel",
        **attributes(aria_labelledby=f"{identifier}-title"),
        children=[
            html.Div(
                className="panel-head",
                children=[
                    html.H2(title, id=f"{identifier}-title"),
                    html.Span(id=f"{identifier}-caption", className="caption"),
                    *(tools or []),
                ],
            ),
            *children,
        ],
    )


def _graph(identifier: str, label: str) -> Component:
    # Empty: the browser puts the chart in (assets/charts.js) when the rest of the page is there.
    return html.Div(
        className="chart", role="img", id=f"{identifier}-box", **attributes(aria_label=label)
    )


def _figure(identifier: str, label: str, unit: str, hint: str) -> Component:
    return html.Div(
        className="figure",
        title=hint,
        children=[
            html.H2(label),
            html.Div(
                className="reading",
                children=[
                    html.Span(NO_VALUE, id=f"figure-{identifier}", className="value"),
                    html.Span(unit, className="unit"),
                ],
            ),
            html.Span("\u00a0", id=f"figure-{identifier}-note", className="note"),
            html.Div(
                id=f"figure-{identifier}-spark", className="spark", **attributes(aria_hidden="true")
            ),
        ],
    )


def figures_strip() -> Component:
    """Show the six figures that answer "how is it going"."""
    return html.Section(
        className="figures",
        **attributes(aria_label="Key figures of the newest decision"),
        children=[_figure(*figure) for figure in FIGURES],
    )


def _range_control() -> Component:
    return html.Div(
        className="choice",
        role="group",
        **attributes(aria_label="Decisions shown in the charts"),
        children=[
            html.Button(
                str(count),
                type="button",
                className="range",
                **attributes(data_range=str(count), aria_pressed="false"),
                title=f"The last {count} decisions, in every chart",
            )
            for count in RANGES
        ],
    )


def cloud_panel() -> Component:
    """Risk and return: the cloud, the frontier, the portfolio, its assets."""
    return panel("cloud", "Risk and return", _graph("cloud", "Risk-return cloud"))


def weights_panel() -> Component:
    """Weights of now, with one standard deviation over the draws."""
    return panel("weights", "Weights", html.Div(id="weights", className="body"))


def timeline_panel() -> Component:
    """Weights over time, all or those of one asset."""
    clear = html.Button(
        "all assets", id="clear-asset", type="button", className="text", hidden=True
    )
    return panel(
        "timeline",
        "Weights over time",
        _graph("timeline", "Weights over time"),
        tools=[clear, _range_control()],
    )


def decisions_panel() -> Component:
    """List recent decisions; each opens whole."""
    return panel("decisions", "Decisions", html.Div(id="decisions", className="body scroll"))


def stages_panel() -> Component:
    """Latency by stage."""
    return panel("stages", "Latency by stage", html.Div(id="stages", className="body"))


def latency_panel() -> Component:
    """Tick-to-decision latency over time."""
    return panel("latency", "Tick to decision", _graph("latency", "Latency of each decision"))


def engine_panel() -> Component:
    """Engines and the run's own counts."""
    return panel("engine", "Engines and run", html.Div(id="engine", className="body"))


def waiting_panel() -> Component:
    """Say what is missing, in place of the panels until there is a decision."""
    return html.Section(
        id="waiting",
        className="waiting",
        children=[
            html.Div(className="target", **attributes(aria_hidden="true")),
            html.H2("Waiting for the first decision"),
            html.P("Connecting to the server.", id="waiting-text"),
            html.Div(
                html.Div(id="waiting-bar"),
                className="progress",
                id="waiting-progress",
                hidden=True,
            ),
        ],
    )
