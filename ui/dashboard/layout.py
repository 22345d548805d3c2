"""The whole page, put together from its parts in reading order."""

from dash import dcc, html
from dash.development.base_component import Component

from ui.dashboard.assets_grid import assets_panel
from ui.dashboard.attributes import attributes
from ui.dashboard.drawer import drawer
from ui.dashboard.engines_view import engines_view
from ui.dashboard.header import header, notices
from ui.dashboard.panels import (
    cloud_panel,
    decisions_panel,
    engine_panel,
    figures_strip,
    latency_panel,
    stages_panel,
    timeline_panel,
    waiting_panel,
    weights_panel,
)


def page(portfolio: str) -> Component:
    """Lay the page out.

    Parameters
    ----------
    portfolio
        The portfolio whose decisions it shows.
    """
    panels = [
        cloud_panel(),
        weights_panel(),
        timeline_panel(),
        assets_panel(),
        decisions_panel(),
        stages_panel(),
        latency_panel(),
        engine_panel(),
    ]
    return html.Div(
        id="page",
        **attributes(data_portfolio=portfolio, data_phase="loading", data_link="connecting"),
        children=[
            # One number a paint: the panels' callbacks run in the browser when it changes.
            dcc.Store(id="frame", data=0),
            html.A("Skip to the panels", id="skip", href="#panels", className="skip"),
            header(portfolio),
            notices(),
            figures_strip(),
            waiting_panel(),
            html.Main(panels, id="panels", className="panels", tabIndex="-1"),
            engines_view(),
            _footnote(),
            drawer(),
        ],
    )


def _footnote() -> Component:
    return html.Footer(
        className="footnote",
        children=[
            html.P(
                "Decisions are made and stored per sampling interval. This page annualises them "
                "over 365 days of 24 hours: returns times the number of intervals in a year, "
                "volatility and the Sharpe ratio times its square root; risk-free rate 0. Of "
                "short intervals annual figures are huge by nature: 0.0005 % a second is "
                "15 768 % a year. They compare portfolios and promise nothing. Times are UTC.",
                className="annual",
            ),
            html.P(
                [
                    "The same figures as JSON: ",
                    html.A("newest decision", href="/api/v1/decisions/latest"),
                    " · ",
                    html.A("status", href="/api/v1/status"),
                    " · ",
                    html.A("all routes", href="/api/v1/openapi.json"),
                    ". Keys: P pauses, E shows the engines, T changes the theme, Esc closes a "
                    "decision.",
                ]
            ),
        ],
    )
