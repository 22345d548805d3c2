"""The bar at the top, and the plain notices under it."""

from dash import html
from dash.development.base_component import Component

from ui.dashboard.attributes import NO_VALUE, attributes


def _fact(identifier: str, label: str, hint: str) -> Component:
    return html.Div(
        [html.Dt(label), html.Dd(NO_VALUE, id=f"fact-{identifier}")],
        className="fact",
        id=f"fact-{identifier}-box",
        title=hint,
    )


def _controls() -> Component:
    return html.Div(
        className="controls",
        children=[
            html.Span("connecting", id="link", className="link", title="The event stream"),
            html.Button(
                "Pause",
                id="pause",
                type="button",
                **attributes(aria_pressed="false", aria_keyshortcuts="P"),
                title="Hold the page still (P); deciding goes on",
            ),
            html.Button(
                "Light",
                id="theme",
                type="button",
                **attributes(aria_keyshortcuts="T", aria_label="Change to the light theme"),
                title="Dark or light (T)",
            ),
        ],
    )


def _pages() -> Component:
    """Link the page's two views; the browser changes between them without loading anything."""
    return html.Nav(
        className="pages",
        **attributes(aria_label="Pages"),
        children=[
            html.A("Portfolio", href="/", id="to-portfolio", **attributes(aria_current="page")),
            html.A(
                "Engines",
                href="/?view=engines",
                id="to-engines",
                title="Engines, workers, switches and controls (E)",
                **attributes(aria_keyshortcuts="E"),
            ),
        ],
    )


def header(portfolio: str) -> Component:
    """Say what runs, in which state, on what, how fresh; and hold the page's controls."""
    facts = html.Dl(
        className="facts",
        children=[
            _fact("engine", "engine", "Where the newest decision was computed"),
            _fact("workers", "workers", "Workers of that engine"),
            _fact("row", "row", "Number of the newest decided row: event time / interval"),
            _fact("age", "data age", "Time since the newest tick's own time stamp"),
            _fact("offset", "offset", "Next message to read, over all partitions of ticks"),
            _fact("lag", "read since", "Messages read since the newest decision's input"),
        ],
    )
    return html.Header(
        className="top",
        children=[
            html.H1(
                [
                    html.Span(className="mark", **attributes(aria_hidden="true")),
                    html.Span("SilverBullet", className="name"),
                    html.Span(portfolio, id="portfolio", className="portfolio"),
                ]
            ),
            _pages(),
            html.Span("loading", id="state", className="badge", **attributes(data_state="loading")),
            facts,
            _controls(),
        ],
    )


def notices() -> Component:
    """Hold the notices; the hidden region speaks each one once, without its running numbers."""
    return html.Section(
        className="notices",
        **attributes(aria_label="Notices"),
        children=[
            html.Div(id="notices"),
            html.Button(
                "more",
                id="more-notices",
                type="button",
                className="text",
                hidden=True,
                **attributes(aria_controls="notices", aria_expanded="false"),
            ),
            html.Div(
                id="announce", className="hidden", role="status", **attributes(aria_live="polite")
            ),
        ],
    )
