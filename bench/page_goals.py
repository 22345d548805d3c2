"""The table of goals of ``docs/performance.md``: goals that are alike share a line. Pure."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from bench.reasons import Reason, fill_reason, find_reason
from bench.summary import (
    HEAD,
    Kept,
    Line,
    count_apart,
    not_measured,
    summarise_goals,
)
from bench.verdicts import RULE

# Goals that differ in these alone share a line: what stands for them, and what it stands for.
_ALIKE: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = (
    (re.compile(r"(ratio of \d+ assets)((?:, dense)?(?:, capped)?), (cold|one row later):"),
     r"\1, each family, \3:", r"\2"),
    (re.compile(r"\b(\d+) assets"), "n assets", r"n = \1"),
    (re.compile(r"\b(iid|regime|glitch|fine tick|trend) tape"), "each tape", r"\1"),
    (re.compile(r"\b((?:sparse|dense)(?:, capped)?):"), "each family:", r"\1"),
    (re.compile(r"^(.+): fastest growth with (n|the window): "), r"each step: growth with \2: ",
     r"\1"),
    (re.compile(r"^memory of (serve|record|run):"), "memory of each part:", r"\1"),
    (re.compile(r"^(resample|cloud)-(\d+):"), "each job:", r"\1-\2"),
)  # fmt: skip
_FACTOR: Final = (
    "Missed by 2x: it takes twice what it may, or leads by half of what it should; 2x to spare is "
    "the other way round. Intervals over repetitions are by order statistics: a bootstrap of seven "
    "repetitions held the true median in 88 % of cases, not in 95."
)
_PROTOTYPE: Final = (
    "The prototype that some reasons name is the one whose figures the goals were taken from."
)
_LEFT: Final = "No result here says anything of these goals:"


class _Shared(NamedTuple):
    """Goals that share a line."""

    form: str
    variants: list[str]
    lines: list[Line]


def goal_section(reports: Sequence[Kept], reasons: Sequence[Reason]) -> list[str]:
    """Write counts, rule and tables of all goals, and why those are missed that are."""
    lines = summarise_goals(reports)
    if not lines:
        return []
    beside = [line for line in lines if not line.of_our_own]
    own = [line for line in lines if line.of_our_own]
    reasons = [fill_reason(one, reports) for one in _cited(lines, reasons)]
    numbers = _number_reasons(lines, reasons)
    counts = f"**{count_apart(beside)}**" + (f" {count_apart(own)}" if own else "")
    return [
        "## Goals", "",
        *textwrap.wrap(counts, 100), "",
        *textwrap.wrap(" ".join((RULE, _FACTOR, *[_PROTOTYPE][: bool(reasons)])), 100), "",
        *_table(beside, reasons, numbers), "",
        *(["Goals of our own:", "", *_table(own, reasons, numbers), ""] if own else []),
        *_why(numbers), *_not_measured(reports),
    ]  # fmt: skip


def _number_reasons(lines: Iterable[Line], reasons: Sequence[Reason]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for line in sorted(lines, key=lambda one: one.of_our_own):
        says = _reason_of(line, reasons)
        if says:
            numbers.setdefault(says, len(numbers) + 1)
    return numbers


def _cited(lines: Sequence[Line], reasons: Sequence[Reason]) -> list[Reason]:
    """Leave out reasons that no goal has: what they name need not have been measured."""
    left = [line for line in lines if line.outcome != "met"]
    cited = [find_reason(reasons, line.bench, line.goal) for line in left]
    return [one for one in reasons if one in cited]


def _reason_of(line: Line, reasons: Sequence[Reason]) -> str:
    found = None if line.outcome == "met" else find_reason(reasons, line.bench, line.goal)
    return found.says if found else ""


def _table(lines: Sequence[Line], reasons: Sequence[Reason], numbers: dict[str, int]) -> list[str]:
    with_why = bool(numbers)
    head = (*HEAD, "why") if with_why else HEAD
    rows, bench = [], ""
    for one in _share(lines, reasons):
        first = one.lines[0]
        cells = [first.bench if first.bench != bench else "", *_cells(one)]
        if with_why:
            says = _reason_of(first, reasons)
            cells.append(f"{numbers[says]}" if says else "")
        rows.append(f"| {' | '.join(cells)} |")
        bench = first.bench
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows]


def _share(lines: Sequence[Line], reasons: Sequence[Reason]) -> list[_Shared]:
    shared: dict[tuple[str, str, str, str], _Shared] = {}
    for line in lines:
        form, variant = _form_of(line.goal)
        key = (line.bench, form, line.outcome, _reason_of(line, reasons))
        one = shared.setdefault(key, _Shared(form, [], []))
        one.variants.append(variant)
        one.lines.append(line)
    return list(shared.values())


def _form_of(goal: str) -> tuple[str, str]:
    """Give what goals that are alike have in common, and what this one is among them.

    >>> _form_of("solve of 50 assets: 5x")
    ('solve of n assets: 5x', 'n = 50')
    """
    for pattern, common, variant in _ALIKE:
        found = pattern.search(goal)
        if found:
            return pattern.sub(common, goal), found.expand(variant).removeprefix(", ") or "sparse"
    return goal, ""


def _cells(one: _Shared) -> list[str]:
    lines = one.lines
    if len(lines) == 1:
        line = lines[0]
        return [line.goal, line.measured, line.spread, _emphasise(line), line.by]
    spreads = [line.spread for line in lines]
    return [
        one.form,
        _join_measured(one.variants, [line.measured for line in lines]),
        "-" if set(spreads) == {"-"} else "; ".join(spreads),
        _emphasise(lines[0]),
        _join([line.by for line in lines]),
    ]


def _join_measured(variants: Sequence[str], texts: Sequence[str]) -> str:
    """Join figures, and say once what all of them have behind the number.

    >>> _join_measured(["n = 10", "n = 50"], ["1.5 us", "2.5 us"])
    'n = 10: 1.5; n = 50: 2.5 us'
    """
    numbers, rests = zip(*(text.partition(" ")[::2] for text in texts), strict=True)
    if len(set(rests)) > 1:
        numbers, rests = tuple(texts), ("",)
    told = "; ".join(f"{name}: {text}" for name, text in zip(variants, numbers, strict=True))
    return f"{told} {rests[0]}".rstrip()


def _emphasise(line: Line) -> str:
    return line.outcome if line.outcome == "met" else f"**{line.outcome}**"


def _join(texts: Sequence[str]) -> str:
    """Join what ends or begins alike, and say that once.

    >>> _join(["1.05x to spare", "2.0x to spare"]), _join(["by 1.03x", "by 2.0x"])
    ('1.05x, 2.0x to spare', 'by 1.03x, 2.0x')
    """
    if len(set(texts)) == 1:
        return texts[0]
    end = " to spare"
    if all(text.endswith(end) for text in texts):
        return ", ".join(text.removesuffix(end) for text in texts) + end
    if all(text.startswith("by ") for text in texts):
        return "by " + ", ".join(text.removeprefix("by ") for text in texts)
    return "; ".join(texts)


def _why(numbers: dict[str, int]) -> list[str]:
    if not numbers:
        return []
    told = [f"{number}. {says}" for says, number in numbers.items()]
    return ["Why they are missed or not decided:", "", *told, ""]


def _not_measured(reports: Sequence[Kept]) -> list[str]:
    left = [
        f"- {bench}: {says}" for bench, goals in not_measured(reports).items() for says in goals
    ]
    return [_LEFT, "", *left, ""] if left else []
