"""``docs/performance.md``, made from kept reports.

``python -m bench.page docs/performance/*.json docs/performance/engines/engines.json``
"""

import re
import sys
import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.engines.report import EngineReport
from bench.findings import REASONS
from bench.kept_results import read_kept
from bench.kernels.tick_names import DRIFT_UPDATES
from bench.machine import COMMIT
from bench.page_drift import drift_figures
from bench.page_figures import main_figures, where_time_goes, who_is_quicker
from bench.page_goals import goal_section
from bench.page_pipeline import pipeline_figures, scale_figures, soak_figures
from bench.reasons import Reason
from bench.report import Report, choose_notes, describe_versions_line
from bench.report_notes import NOTES
from bench.soak.report import NOTES as SOAK_NOTES
from bench.soak.report import SoakReport, describe_load
from bench.summary import Kept, name_report, newest_of_each

_HEAD: Final = """\
# Performance

A figure is the median of the repetitions' medians, beside the least and the greatest of them. A
ratio is the median of those within interleaved repetitions, whose contenders took turns: trust the
ratios more than the times. Peers that are quicker stand here too.
"""
_PUBLISHED: Final = """
The machine has two cores that it shares with neighbours. All figures, with distributions and plots:
`silverbullet bench report docs/performance/*.json` writes them as one HTML page, `report.html`.
This page is made by
`python -m bench.page docs/performance/*.json docs/performance/engines/engines.json`.
"""
_PLACES: Final = """
## What was measured
"""
_ENGINES: Final = (
    "Figures, who took part and where a goal is missed: [engines.md](engines.md), "
    "[where a goal is missed](engines.md#where-a-goal-is-missed)."
)
_LONGEST: Final = 300
_WIDTH: Final = 100
_SENTENCES: Final = re.compile(r"(?<=[.]) (?=[A-Z`])")
_IN_TABLE: Final = (
    "processor", "time", "load at start", "load at end", "repetitions", COMMIT, DRIFT_UPDATES
)  # fmt: skip
_ELSEWHERE: Final = "limit of "  # said beside the figure


def make_page(reports: Sequence[Kept], reasons: Sequence[Reason] = ()) -> str:
    """Write the page of some reports, in their order.

    Of several results of one benchmark the newest is shown; the others are other sessions, by
    which goals are judged too.

    Parameters
    ----------
    reasons
        Why goals are missed, of published results alone: of others nobody has found that out.

    Raises
    ------
    ValueError
        A reason that a goal has names a row that no result has.
    """
    shared, same = _shared_facts(reports), _same_versions(reports)
    head = _HEAD + (_PUBLISHED if reasons else "") + _PLACES
    lines = [head, *_places(reports), "", *goal_section(reports, reasons)]
    for report in newest_of_each(reports):
        section = [*_section(report), *(f"- {line}" for line in _place(report, shared, same))]
        lines += [f"## bench {name_report(report)}", "", *section, ""]
    return "\n".join(lines).rstrip() + "\n"


def _places(reports: Sequence[Kept]) -> list[str]:
    """Say what was measured where and when, and whether that is one place."""
    rows = [
        "| benchmark | commit | processor | date, UTC | load before, after | repetitions |",
        "|---|---|---|---|---|---|",
    ]
    for report in reports:
        machine = report.machine
        cells = (
            name_report(report), machine.get(COMMIT, "not known"),
            machine.get("processor", "not known"),
            machine.get("time", "not known").removesuffix(" UTC"),
            f"{machine.get('load at start', '-')}, {machine.get('load at end', '-')}",
            _repetitions(report),
        )  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    rows.append("")
    if shared := _shared_facts(reports):
        rows.append(f"All of them: {', '.join(f'{name} {value}' for name, value in shared)}.")
    if same := _same_versions(reports):
        rows += textwrap.wrap(describe_versions_line(same), _WIDTH)
    commits = {report.machine[COMMIT] for report in reports if report.machine.get(COMMIT)}
    unknown = sum(not report.machine.get(COMMIT) for report in reports)
    told = f"{len(commits)} commits" if len(commits) != 1 else "1 commit"
    told += f" ({unknown} of an unknown one)" if unknown else ""
    processors = {report.machine.get("processor", "") for report in reports}
    if len(commits) + bool(unknown) > 1 or len(processors) > 1:
        kinds = f"{len(processors)} kinds" if len(processors) != 1 else "1 kind"
        says = (
            f"These are of {told}, each of the program as it was then, on {kinds} of processor: a "
            "ratio holds within its row, no time beside another's."
        )
        rows += textwrap.wrap(says, _WIDTH)
    return rows


def _shared_facts(reports: Sequence[Kept]) -> list[tuple[str, str]]:
    """Give what the machines of all reports have in common and no table says."""
    first = list(reports[0].machine.items()) if reports else []
    return [
        fact
        for fact in first
        if fact[0] not in _IN_TABLE and all(fact in one.machine.items() for one in reports)
    ]


def _same_versions(reports: Sequence[Kept]) -> dict[str, str]:
    """Give the versions that are the same in all reports that have them."""
    known: dict[str, set[str]] = {}
    for report in reports:
        for name, version in report.versions.items():
            known.setdefault(name, set()).add(version)
    return {name: next(iter(found)) for name, found in known.items() if len(found) == 1}


def _place(
    report: Kept, shared: Collection[tuple[str, str]], same: Mapping[str, str]
) -> Iterator[str]:
    """Say what is of this report's machine and versions alone."""
    own = [
        f"{name} {value}"
        for name, value in report.machine.items()
        if name not in _IN_TABLE and not name.startswith(_ELSEWHERE) and (name, value) not in shared
    ]
    if own:
        yield from split_note(f"Machine: {', '.join(own)}.")
    versions = {name: one for name, one in report.versions.items() if name not in same}
    if versions:
        yield from split_note(describe_versions_line(versions))


def _repetitions(report: Kept) -> str:
    if isinstance(report, SoakReport):
        return f"1 of {report.counted_minutes:g} min"
    if report.bench == "overload":  # its rows have one run a quarter
        return f"1 of {report.machine.get('minutes', 'unknown')} min, in quarters"
    if found := report.machine.get("repetitions"):
        return found
    # Gaps and drift are measured once, beside what is repeated.
    counts = Counter(len(row.runs) for row in report.rows)
    repeated = sorted(counts.keys() - {1}) or [1]
    return str(repeated[0]) if len(repeated) == 1 else f"{repeated[0]} to {repeated[-1]}"


def _section(report: Kept) -> list[str]:
    if isinstance(report, SoakReport):
        notes = [describe_load(report), *choose_notes(report.notes, SOAK_NOTES)]
        return [*soak_figures(report), "", *_bullets(notes)]
    if isinstance(report, EngineReport):
        return [_ENGINES, ""]
    parts = [_figures(report), who_is_quicker(report)]
    lines = [line for part in parts if part for line in (*part, "")]
    return [*lines, *_bullets(choose_notes(report.notes, NOTES.get(report.bench, ())))]


def _figures(report: Report) -> list[str]:
    if report.bench == "pipeline":
        return pipeline_figures(report)
    if report.bench == "scale":
        return scale_figures(report)
    drift = drift_figures(report.rows, report.machine.get(DRIFT_UPDATES, ""))
    parts = [main_figures(report), where_time_goes(report), drift]
    return [line for part in parts if part for line in (*part, "")][:-1]


def _bullets(notes: Sequence[str]) -> list[str]:
    return [f"- {line}" for note in notes for line in split_note(note)]


def split_note(note: str) -> Iterator[str]:
    """Cut a note into lines of at most 300 characters, at the ends of sentences if it can.

    >>> list(split_note("One. Two."))
    ['One. Two.']
    """
    line = ""
    for sentence in _SENTENCES.split(note):
        if line and len(line) + 1 + len(sentence) > _LONGEST:
            yield from textwrap.wrap(line, _LONGEST)
            line = ""
        line = f"{line} {sentence}".lstrip()
    yield from textwrap.wrap(line, _LONGEST)


def main(names: Sequence[str]) -> str:
    """Make the published page of some files; ends in one line where one is no result."""
    reports = []
    for name in names:
        try:
            reports.append(read_kept(Path(name)))
        except (OSError, msgspec.DecodeError) as error:
            raise SystemExit(f"{name}: no result of a benchmark ({error})") from None
    try:
        return make_page(reports, REASONS)
    except ValueError as error:
        raise SystemExit(f"no page of these results: {error}") from None


if __name__ == "__main__":
    print(main(sys.argv[1:]), end="")
