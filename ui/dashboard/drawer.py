"""The drawer that shows one decision whole: a native dialog, so Esc and focus are the browser's."""

from dash import html
from dash.development.base_component import Component

from ui.dashboard.attributes import attributes


def drawer() -> Component:
    """Lay out the drawer; the browser fills it when a decision is chosen."""
    return html.Dialog(
        id="drawer",
        className="drawer",
        **attributes(aria_labelledby="drawer-title"),
        children=[
            html.Div(
                className="drawer-head",
                children=[
                    html.H2("Decision", id="drawer-title"),
                    html.Div(
                        className="controls",
                        children=[
                            html.Button(
                                "Older",
                                id="drawer-older",
                                type="button",
                                title="The decision before (left arrow)",
                            ),
                            html.Button(
                                "Newer",
                                id="drawer-newer",
                                type="button",
                                title="The decision after (right arrow)",
                            ),
                            html.Button(
                                "Close", id="drawer-close", type="button", title="Close (Esc)"
                            ),
                        ],
                    ),
                ],
            ),
            html.Div(id="drawer-body", className="drawer-body", tabIndex="0"),
        ],
    )
