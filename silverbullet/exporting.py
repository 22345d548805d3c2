"""Writes what the store holds to a file, page by page: memory stays that of one page."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from optimize.decision import Decision
from silverbullet.export_tables import TABLES
from silverbullet.opening import open_store, told
from silverbullet.options import Refused
from silverbullet.settings import Settings
from storage.protocol import DecisionQuery, Store, StoreError

_PAGE = 500  # decisions; 50 assets each are 25 000 rows of assets


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...


def run_export(
    settings: Settings,
    kind: str,
    start_ns: int | None,
    end_ns: int | None,
    path: Path,
    *,
    overwrite: bool,
) -> int:
    """Export one kind of rows of a time range.

    Parameters
    ----------
    kind
        A name of `export_tables.TABLES`.
    start_ns, end_ns
        Bounds of the end of a decision's row, ns UTC, the second exclusive; None: none.
    path
        ``.parquet`` or ``.csv``; it appears when it is whole, and not where there is nothing.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    Refused
        The path cannot be written or is there already, or the store cannot be read.
    ClickException
        There is no decision in the range.
    """
    _check(path, overwrite=overwrite)
    query = DecisionQuery(
        settings.decide.portfolio, start_ns=start_ns, end_ns=end_ns, newest_first=False, limit=_PAGE
    )
    schema, make = TABLES[kind]
    part, rows = path.with_name(f".{path.name}.{os.getpid()}.part"), 0
    try:
        store = open_store(settings, read_only=True)
        with contextlib.closing(store), _writer(part, path.suffix, schema) as writer:
            for page in _pages(store, query):
                table = make(page)
                writer.write_table(table)
                rows += table.num_rows
        if not rows:
            portfolio = settings.decide.portfolio
            raise click.ClickException(
                f"the store has no decision of portfolio {portfolio} in this time"
            )
        part.replace(path)
    except StoreError as error:
        raise told(error) from None
    finally:
        part.unlink(missing_ok=True)
    return rows


def _check(path: Path, *, overwrite: bool) -> None:
    if path.suffix not in {".parquet", ".csv"}:
        raise Refused(f"{path}: must end in .parquet or .csv")
    if path.exists() and not overwrite:
        raise Refused(f"{path} is there already: pass --overwrite to replace it")
    if not path.parent.is_dir():
        raise Refused(f"{path}: folder {path.parent} does not exist: make it, or name another")


@contextlib.contextmanager
def _writer(path: Path, suffix: str, schema: pa.Schema) -> Iterator[_Writer]:
    kinds: dict[str, Any] = {".parquet": pa.parquet.ParquetWriter, ".csv": pa.csv.CSVWriter}
    writer = kinds[suffix](str(path), schema)
    try:
        yield writer
    finally:
        writer.close()


def _pages(store: Store, query: DecisionQuery) -> Iterator[list[Decision]]:
    """Read page by page, with a bar of the time range that is done."""
    newest = store.decisions(query._replace(newest_first=True, limit=1))
    page = store.decisions(query) if newest else []
    if not newest or not page:
        return
    first_ns, last_ns = page[0].row_end_ns, newest[0].row_end_ns
    with _progress() as progress:
        task = progress.add_task("export", total=max(1, last_ns - first_ns), decisions=0)
        n = 0
        while page:
            yield page
            n += len(page)
            done = page[-1].row_end_ns - first_ns
            progress.update(task, completed=done, decisions=n)
            page = store.decisions(query._replace(after_id=page[-1].id))


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(),
        TextColumn("{task.fields[decisions]} decisions"),
        TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
