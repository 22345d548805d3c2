"""The table of assets."""

from typing import Any

import dash_ag_grid as dag
from dash.development.base_component import Component

from ui.dashboard.panels import panel


def _column(field: str, name: str, hint: str, width: int, **more: Any) -> dict[str, Any]:
    column = {
        "field": field,
        "headerName": name,
        "headerTooltip": hint,
        "minWidth": width,
        "width": width,
        "flex": width,
        "type": "rightAligned",
    }
    return column | more


def _shown_as(function: str) -> dict[str, str]:
    """Name a formatter of ``assets/assets_table.js``."""
    return {"function": f"{function}(params.value)"}


COLUMNS: list[dict[str, Any]] = [
    _column(
        "symbol",
        "Asset",
        "Symbol",
        116,
        pinned="left",
        minWidth=96,  # on a phone
        type=None,
        cellClass="symbol",
        flex=None,
        valueFormatter=_shown_as("shortName"),
        tooltipField="symbol",
    ),
    _column(
        "weight",
        "Weight",
        "Share of the portfolio",
        72,
        valueFormatter=_shown_as("share"),
        cellClass=["ag-right-aligned-cell", "strong"],
    ),
    _column(
        "stddev",
        "±",
        "One standard deviation of the weight over the draws",
        62,
        valueFormatter=_shown_as("share"),
        cellClass=["ag-right-aligned-cell", "quiet"],
    ),
    _column(
        "change",
        "Change",
        "Change of the weight since the decision before, percentage points",
        64,
        valueFormatter=_shown_as("points"),
        cellRenderer="Signed",
    ),
    _column("price", "Price", "Newest price", 75, valueFormatter=_shown_as("price")),
    _column(
        "mean",
        "Return / y",
        "Sample mean log return of the window, annualised (365 d of 24 h); the picture of risk "
        "and return has the optimiser's estimates instead",
        82,
        valueFormatter=_shown_as("percent"),
        cellRenderer="Signed",
    ),
    _column(
        "volatility",
        "Vol / y",
        "Sample volatility of the window, annualised (365 d of 24 h); the optimiser's estimate is "
        "in the picture of risk and return",
        68,
        valueFormatter=_shown_as("percent"),
    ),
    _column(
        "skewness", "Skew", "Skewness of the tick window", 56, valueFormatter=_shown_as("ratio")
    ),
    _column(
        "kurtosis",
        "Kurt",
        "Excess kurtosis of the tick window",
        56,
        valueFormatter=_shown_as("ratio"),
    ),
    _column(
        "state",
        "State",
        "Member of the universe, or why not",
        74,
        type=None,
        cellClass="state",
        flex=240,
        cellRenderer="State",
        tooltipField="state",
        cellClassRules={"out": "params.data.phase !== 'member'"},
    ),
]


def assets_panel() -> Component:
    """Show every asset that is in the universe or waits for it; a click selects one."""
    grid = dag.AgGrid(
        id="assets",
        className="assets",
        columnDefs=COLUMNS,
        rowData=[],
        getRowId="params.data.symbol",
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "suppressMovable": True,
            "suppressHeaderMenuButton": True,
            "sortingOrder": ["desc", "asc"],
        },
        rowClassRules={"selected": "params.data.selected"},
        dashGridOptions={
            "theme": {"function": "gridTheme(themeQuartz)"},
            "rowHeight": 25,
            "headerHeight": 28,
            "animateRows": False,
            # One stop of the Tab key, as of any grid; arrow keys move inside.
            "tabToNextCell": {"function": "leaveGrid(params)"},
            "tabToNextHeader": {"function": "leaveGrid(params)"},
            "suppressColumnVirtualisation": True,
            "suppressScrollOnNewData": True,
            "tooltipShowDelay": 300,
            "suppressNoRowsOverlay": True,
        },
        eventListeners={
            "cellClicked": ["assetClicked(params)"],
            "cellKeyDown": ["assetKey(params)"],
            "sortChanged": ["assetsSorted(params)"],
        },
        style={"height": None},
    )
    return panel("assets", "Assets", grid)
