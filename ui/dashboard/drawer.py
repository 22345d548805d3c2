"""The drawer that shows one decision whole: a native dialog, so Esc and focus are the browser's."""

from dash import html
from dash.development.base_component import Component

from ui.dashboard.attributes import attributes

_BUTTONS = (
    ("older", "Older", "The decision before (left arrow)"),
    ("newer", "Newer", "The decision after (right arrow)"),
    ("close", "Close", "Close (Esc)"),
)


def drawer() -> Component:
    """Lay out the drawer; the browser fills it when a decision is chosen."""
    buttons = [
        html.Button(label, id=f"drawer-{name}", type="button", title=hint)
        for name, label, hint in _BUTTONS
    ]
    return html.Dialog(
        id="drawer",
        className="drawer",
        **attributes(aria_labelledby="drawer-title"),
        children=[
            html.Div(
                className="drawer-head",
                children=[
                    html.H2("Decision", id="drawer-title"),
                    html.Div(buttons, className="controls"),
                ],
            ),
            html.Div(id="drawer-body", className="drawer-body", tabIndex="0"),
        ],
    )
