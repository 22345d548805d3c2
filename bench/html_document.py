"""One HTML file that holds Plotly's program and makes no request; shared by all reports."""

from html import escape
from importlib import import_module
from typing import Any, Final

from bench.rows import FLOORS, OURS

HEIGHT = 430
OURS_COLOUR: Final = "#e07a5f"
FLOOR_COLOUR: Final = "#8d99ae"
ORDER_COLOUR: Final = "#adb5bd"
OTHER_COLOURS: Final = ("#3d5a80", "#81b29a", "#f2cc8f", "#6d597a", "#2a9d8f", "#bc6c25")
PEER_COLOUR: Final = OTHER_COLOURS[0]
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#222}
h1{margin-bottom:.2rem}h2{margin-top:2.4rem;border-bottom:1px solid #ddd}
table{border-collapse:collapse;font-size:14px}td,th{padding:.25rem .6rem;text-align:left;
border-bottom:1px solid #eee}.yes,.no,.open{white-space:nowrap}
.yes{color:#2b7a4b}.open{color:#9a6700}
.no{color:#b3261e;font-weight:600}
.note{color:#555;font-size:14px}li{margin:.2rem 0}
"""
# A report has a hundred figures: each is drawn when it comes near the part that is seen.
_DRAW = """
const draw = (place) => {
  const figure = JSON.parse(place.nextElementSibling.textContent);
  Plotly.newPlot(place, figure.data, figure.layout, {displayModeBar: false, responsive: true});
};
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
  }
}, {rootMargin: "600px"});
for (const place of document.querySelectorAll(".plot")) { seen.observe(place); }
"""


def load_plotly() -> Any:
    """Give Plotly's graph objects; imported late, as nothing else needs them."""
    return import_module("plotly.graph_objects")


def new_figure(graph: Any, title: str, height: int = HEIGHT) -> Any:
    """Make an empty figure."""
    figure = graph.Figure()
    figure.update_layout(title=title, template="plotly_white", height=height)
    return figure


def colour_of(subject: str) -> str | None:
    """Give the colour of ours or of a floor; None of a peer, which any other may have."""
    return OURS_COLOUR if subject == OURS else FLOOR_COLOUR if subject in FLOORS else None


def embed(figure: Any) -> str:
    """Write a figure's place, and what is drawn there."""
    height = int(figure.layout.height or HEIGHT)
    text = figure.to_json().replace("</", "<\\/")
    return (
        f'<div class="plot" style="height:{height}px"></div>'
        f'<script type="application/json">{text}</script>'
    )


def make_document(title: str, body: str) -> str:
    """Write the whole file around a body."""
    plotly: str = import_module("plotly.offline").get_plotlyjs()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><script>{plotly}</script></head>\n"
        f"<body>{body}<script>{_DRAW}</script></body></html>\n"
    )
