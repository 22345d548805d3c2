"""Tables for a terminal."""

import io
import textwrap
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

_WIDTH: Final = 300  # more than any row has; a table is only as wide as it must be
_TEXT_WIDTH: Final = 100


def write_tables(*tables: Table, lines: Sequence[str] = ()) -> str:
    """Write tables without colour, then lines, each filled to 100 characters."""
    out = io.StringIO()
    console = Console(file=out, width=_WIDTH, highlight=False, color_system=None)
    for table in tables:
        console.print(table)
    written = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
    return "\n".join([written, *(textwrap.fill(line, _TEXT_WIDTH) for line in lines)])
