"""Which part of the page each browser function draws; none of them runs on the server."""

from typing import Any

from dash import ClientsideFunction, Input, Output

DRAWN = (
    ("cloud", "figure", "cloudFigure"),
    ("timeline", "figure", "timelineFigure"),
    ("latency", "figure", "latencyFigure"),
    ("assets", "rowData", "assetRows"),
)


def connect(app: Any) -> None:
    """Tie each drawing function of ``assets/*.js`` to the page's frame counter."""
    for component, prop, function in DRAWN:
        app.clientside_callback(
            ClientsideFunction("silverbullet", function),
            Output(component, prop),
            Input("frame", "data"),
        )
