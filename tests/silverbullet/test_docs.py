"""The generated tables in the documents are those that the program gives now."""

import re

import pytest

from silverbullet import documentation
from silverbullet.documentation import PARTS, ROOT, fill


@pytest.mark.parametrize("name", PARTS)
def test_the_document_holds_the_table_as_it_is_now(name: str) -> None:
    path, make = PARTS[name]
    text = (ROOT / path).read_text()
    assert fill(text, name, make()) == text, "run: python -m silverbullet.documentation"


def test_every_command_and_setting_stands_in_its_table() -> None:
    commands = documentation.commands_table()
    for command in ("demo", "run", "record", "serve", "simulate", "doctor", "bench pipeline"):
        assert f"| `silverbullet {command}` | " in commands
    settings = documentation.settings_table()
    for name in ("kafka.bootstrap", "window.rows", "optimize.method", "serve.port"):
        assert f"| `{name}` | " in settings
    for table in (commands, settings):
        assert all(re.fullmatch(r"\|.*\|", line) for line in table.splitlines())


def test_the_table_of_settings_names_no_folder_of_this_machine() -> None:
    assert "/home" not in documentation.settings_table()
    assert "/root" not in documentation.settings_table()


def test_the_environment_does_not_enter_the_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    before = documentation.settings_table()
    monkeypatch.setenv("SILVERBULLET_WINDOW__ROWS", "7")
    assert documentation.settings_table() == before


def test_a_document_without_markers_is_told() -> None:
    with pytest.raises(ValueError, match="<!-- commands -->"):
        fill("no markers", "commands", "table")


def test_only_what_is_between_the_markers_is_changed() -> None:
    text = "above\n<!-- x -->\nold\nlines\n<!-- /x -->\nbelow\n"
    assert fill(text, "x", "new") == "above\n<!-- x -->\nnew\n<!-- /x -->\nbelow\n"
    assert fill(fill(text, "x", "new"), "x", "new") == fill(text, "x", "new")
