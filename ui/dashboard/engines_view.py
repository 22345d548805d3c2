"""The page of the engines: who decides and why, how fast each is, and the controls."""

from dash import html
from dash.development.base_component import Component

from ui.dashboard.attributes import attributes
from ui.dashboard.panels import panel


def _body(identifier: str) -> Component:
    return html.Div(id=identifier, className="body")


def engines_view() -> Component:
    """Lay the page out; the browser fills it, and shows it in place of the portfolio's panels."""
    log_out = html.Button("log out", id="log-out", type="button", className="text", hidden=True)
    chart = html.Div(
        className="chart",
        role="img",
        id="jobs-box",
        **attributes(aria_label="Job latency of each engine"),
    )
    return html.Main(
        id="engines",
        className="engines-view",
        tabIndex="-1",
        hidden=True,
        children=[
            panel("now", "Decides now", _body("now")),
            panel("control", "Controls", _body("control"), tools=[log_out]),
            html.Div(id="cards", className="cards"),
            panel("jobs", "Job latency, side by side", _body("jobs"), chart),
            panel("switches", "Switches", _body("switches")),
            panel("asked", "Asked for", _body("asked")),
        ],
    )
