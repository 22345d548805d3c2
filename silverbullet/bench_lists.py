"""Lists of words or numbers that options of `bench` take, with commas."""

from collections.abc import Sequence
from typing import Final

import click

METHODS: Final = ("exact", "resample")
ENGINES: Final = ("local", "ray", "spark")
_EXAMPLE: Final = "10,100"


def read_numbers(text: str, least: int = 1) -> tuple[int, ...]:
    """Read whole numbers from a least one up.

    Raises
    ------
    click.BadParameter
        One is none; says which.
    """
    words = [word.strip() for word in text.split(",")]
    wrong = [word for word in words if not (word.isdecimal() and int(word) >= least)]
    if wrong:
        raise click.BadParameter(
            f"{_told(wrong)}: whole numbers from {least} up, with commas, as in {_EXAMPLE}"
        )
    return tuple(int(word) for word in words)


def read_from_two(text: str) -> tuple[int, ...]:
    """Read sizes: one value has no variance, one asset no weights; raises as `read_numbers`."""
    return read_numbers(text, 2)


def read_methods(text: str) -> tuple[str, ...]:
    """Read how decisions are made, one or both; raises `click.BadParameter` as `read_numbers`."""
    return read_names(text, METHODS)


def read_engines(text: str) -> tuple[str, ...]:
    """Read where draws are evaluated; raises `click.BadParameter` as `read_numbers`."""
    return read_names(text, ENGINES)


def read_names(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Read one or more of the names that are known; raises as `read_numbers`."""
    names = tuple(word.strip() for word in text.split(","))
    wrong = [name for name in names if name not in known]
    if wrong:
        raise click.BadParameter(
            f"{_told(wrong)}: one or more of {', '.join(known)}, with commas, as in "
            f"{','.join(known[:2])}"
        )
    return names


def _told(words: Sequence[str]) -> str:
    return ", ".join(repr(word) for word in words)
