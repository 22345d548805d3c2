"""The commands of `bench` that measure all, and those that show what was kept."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from silverbullet.bench_lists import read_names
from silverbullet.bench_options import JSON
from silverbullet.options import Refused

if TYPE_CHECKING:  # what it imports is heavy
    from bench.comparison_table import Comparison
    from bench.report import Report

_JUDGED_ALONE: Final = {
    "soak": "is judged by the slopes within its own time",
    "engines": "sets its engines beside each other and their peers",
}


@click.command()
@click.option(
    "--short", is_flag=True, help="A short form, under ten minutes; --plan says what it leaves out."
)
@click.option("--again", is_flag=True, help="Measure what is there too.")
@click.option("--plan", is_flag=True, help="List the steps and which are left; run none.")
@click.option("--steps", metavar="LIST", help="These steps of the plan alone, as in scale,start.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the folders of results.")
def full(short: bool, again: bool, plan: bool, steps: str | None, output: Path | None) -> None:
    """Everything, step by step, with page and HTML report; goes on where it was ended.

    A step that is there is not measured again while what it measures, its options and the machine
    stay the same.
    """
    from bench.full import run_bench, show_plan
    from bench.full_plan import full_plan, short_plan
    from bench.run_error import RunError

    names = [step.name for step in (short_plan() if short else full_plan())]
    chosen = read_names(steps, names) if steps else names
    if plan:
        click.echo(show_plan(output, short=short))
        return
    try:
        run_bench(output, short=short, again=again, steps=chosen)
    except RunError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.argument(
    "results", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file; beside the result, of several ./report.html.",
)
def report(results: tuple[Path, ...], output: Path | None) -> None:
    """Write kept results as one HTML page with goals and plots, which needs no network."""
    import msgspec

    from bench.html import make_html
    from bench.kept_results import read_kept

    several = len(results) > 1
    output = output or (Path("report.html") if several else results[0].with_suffix(".html"))
    if not output.parent.is_dir():
        raise Refused(f"{output.parent} is no folder: make it, or name another --output")
    if not os.access(output.parent, os.W_OK):
        raise Refused(f"{output.parent} cannot be written to: name another --output")
    found = []
    for path in results:
        try:
            found.append(read_kept(path))
        except (OSError, msgspec.DecodeError) as error:
            raise Refused(f"{path}: no result of a benchmark ({error})") from None
    page = make_html(found)
    try:
        output.write_text(page)
    except OSError as error:
        raise Refused(f"{output}: {error.strerror}; name another --output") from None
    click.echo(output)


@click.command()
@click.argument(
    "results",
    nargs=-1,
    required=True,
    metavar="BASE... [NEW]",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option(
    "--newest",
    is_flag=True,
    help="All that are named are BASE, NEW is the newest kept result; of one it is anyway.",
)
@JSON
def compare(results: tuple[Path, ...], newest: bool, as_json: bool) -> None:
    """Set kept results of one benchmark side by side; exit 1 where something got slower.

    The last is NEW; without it NEW is the newest kept result of that benchmark that has a case in
    common. A case counts as slower where the 95 % interval of its change, its peers' own change
    taken out, lies beyond a margin. Beside one BASE that is 45 % (a p99: 90 %), as far as two
    sessions of unchanged code were apart; beside several, sessions of one program, 15 % (25 %) of
    each of them. A time with no peer beside it is shown and not judged. Exit 2 where nothing could
    be compared.
    """
    import json

    from bench.comparison import compare_reports

    has_new = len(results) > 1 and not newest
    bases = results[:-1] if has_new else results
    thens = [_read(base) for base in bases]
    now = _read(results[-1] if has_new else _newest(thens[0].bench, bases))
    try:
        result = compare_reports(thens, now)
    except ValueError as error:
        raise Refused(str(error)) from None
    if as_json:
        changes = [change._asdict() for change in result.changes]
        click.echo(json.dumps(result._asdict() | {"changes": changes, "rule": result.rule}))
    else:
        click.echo(result.to_text())
    if any(change.verdict == "slower" for change in result.changes):
        raise click.exceptions.Exit(1)
    if not result.changes:
        raise Refused(
            "nothing could be compared: the results share no case; measure both with the same "
            "options, as in --broker and --rates"
        )
    if not result.is_judged:
        raise Refused(f"nothing could be compared: {_why_nothing_is_judged(result)}")


def _why_nothing_is_judged(result: "Comparison") -> str:
    if all(change.verdict == "no peer, not judged" for change in result.changes):
        return (
            "no case has a peer beside it in both results, and times of two days do not compare "
            "without one"
        )
    return (
        "no case has four repetitions in both results, and a peer; "
        "measure with --repetitions 4 or more"
    )


def _read(path: Path) -> "Report":
    import msgspec

    from bench.engines.report import EngineReport
    from bench.kept_results import read_kept
    from bench.soak.report import SoakReport

    try:
        found = read_kept(path)
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"{path}: no result of a benchmark ({error})") from None
    if isinstance(found, SoakReport | EngineReport):
        raise Refused(
            f"{path}: bench {found.bench} {_JUDGED_ALONE[found.bench]}, no result beside another; "
            "`silverbullet bench report BASE NEW` writes a page with the goals of both"
        )
    return found


def _newest(bench: str, bases: Sequence[Path]) -> Path:
    from bench.newest_result import find_newest
    from bench.report import kept_folder

    found = find_newest(bases, kept_folder())
    if found.path is None:
        seen = f"{found.n_seen} result{'s' if found.n_seen > 1 else ''} of bench {bench}"
        raise Refused(
            f"{seen} in {kept_folder()}, none with a case that BASE has too: name one as NEW, or "
            f"measure with the options of BASE: silverbullet bench {bench} --help"
            if found.n_seen
            else f"no result of bench {bench} in {kept_folder()} but BASE: name one as NEW, "
            f"or measure one: silverbullet bench {bench}"
        )
    click.echo(f"NEW is the newest result that shares a case, {_dated(found.path)}", err=True)
    if found.passed_over is not None:
        click.echo(
            f"passed over, as only one of it and BASE is of the short form: "
            f"{_dated(found.passed_over)}",
            err=True,
        )
    return found.path


def _dated(path: Path) -> str:
    return f"{path} of {datetime.fromtimestamp(path.stat().st_mtime, UTC):%Y-%m-%d %H:%M} UTC"


KEPT: Final = (full, report, compare)
