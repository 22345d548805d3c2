"""The generated parts of the documents: commands from ``--help``, settings from their table.

``python -m silverbullet.documentation`` writes them anew between their markers; a test holds
the files against what this gives.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from silverbullet.cli import main
from silverbullet.settings import default_settings
from silverbullet.settings_table import describe_settings

ROOT = Path(__file__).resolve().parent.parent


def _walk(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _walk(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def commands_table() -> str:
    """Give the table of commands as Markdown."""
    rows = ["| command | what it does |", "|---|---|"]
    for name, command in _walk(main, "silverbullet"):
        rows.append(f"| `{name}` | {(command.help or '').strip().splitlines()[0]} |")
    return "\n".join(rows)


def settings_table() -> str:
    """Give the table of settings as Markdown, with their defaults."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for row in describe_settings(default_settings()):
        default = "user's data folder" if row.name == "storage.path" else row.default or "none"
        rows.append(f"| `{row.name}` | {default} | {row.description} |")
    return "\n".join(rows)


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "commands": ("README.md", commands_table),
    "settings": ("docs/settings.md", settings_table),
}


def fill(text: str, name: str, part: str) -> str:
    """Put a generated part between its markers.

    Raises
    ------
    ValueError
        The text has no such markers.
    """
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no <!-- {name} --> … <!-- /{name} --> in the document")
    return pattern.sub(lambda found: f"{found[1]}{part}\n{found[2]}", text)


def write_all() -> None:
    """Write every generated part anew."""
    for name, (path, make) in PARTS.items():
        document = ROOT / path
        document.write_text(fill(document.read_text(), name, make()))


if __name__ == "__main__":
    write_all()
