"""Every test that SECURITY.md names is there, and every setting too."""

import ast
import re
from pathlib import Path

import pytest

from silverbullet.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_it_names_tests() -> None:
    assert len(NAMED) > 40
    assert TEXT.count("tests/") == len(re.findall(r"`tests/[\w/]+\.py::\w+`", TEXT))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_it_names_is_there(path: str, name: str) -> None:
    assert name in names_in(ROOT / path)


def test_the_settings_that_it_names_are_there() -> None:
    named = set(re.findall(r"`(serve|ticks)\.([a-z_]+)`", TEXT)) - {("ticks", "rejected")}
    assert len(named) >= 4
    for section, field in named:
        assert field in type(getattr(Settings(), section)).model_fields


def test_what_nothing_stops_is_said_with_a_blank() -> None:
    """A row is whole: who, what, what stops it, the test; the last two may be blank."""
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) in {3, 4}
        assert all(cells[:2])
        assert len(cells) == 3 or cells[2] or not cells[3]
