"""The command ``export``."""

from pathlib import Path

import click

from silverbullet.options import given_settings, setting_options, time_range


@click.command()
@click.argument("kind", type=click.Choice(["decisions", "assets", "latency"]))
@click.option(
    "-o", "--output", "path", required=True,
    type=click.Path(dir_okay=False, path_type=Path), help="FILE.parquet or FILE.csv.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@time_range
@setting_options()
def export(
    kind: str, path: Path, overwrite: bool, start_ns: int | None, end_ns: int | None
) -> None:
    """Write what the store holds to a file for pandas, polars or a spreadsheet.

    One row a decision (decisions, latency) or an asset of a decision (assets).
    """
    settings = given_settings()
    from silverbullet.exporting import run_export  # noqa: PLC0415 - pyarrow takes 0.2 s

    rows = run_export(settings, kind, start_ns, end_ns, path, overwrite=overwrite)
    click.echo(f"{rows} rows of {kind} in {path}")
