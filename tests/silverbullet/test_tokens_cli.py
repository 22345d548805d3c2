"""The commands that make, list and revoke tokens."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from silverbullet.settings import load_settings
from silverbullet.token_cli import token
from storage.tokens import TokenFile


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "silverbullet" / "tokens.json"


def run(*words: str) -> Result:
    return CliRunner().invoke(token, list(words))


def test_a_token_is_printed_once_and_alone_on_stdout(path: Path) -> None:
    made = run("create", "--scope", "admin", "boss")
    assert made.exit_code == 0, made.stderr
    secret = made.stdout.strip()
    assert made.stdout == f"{secret}\n"
    assert secret not in made.stderr
    assert str(path) in made.stderr
    found = TokenFile(path).find(secret)
    assert (found.name, found.scope) == ("boss", "admin")
    assert abs(found.created_ns / 1e9 - path.stat().st_mtime) < 60
    for listed in (run("list"), run("list", "--json")):
        assert secret not in listed.output
        assert secret[-4:] in listed.output
        assert found.digest not in listed.output


def test_the_list_says_name_scope_and_when(path: Path) -> None:
    assert json.loads(run("list", "--json").stdout) == []
    run("create", "--scope", "read", "quant")
    (listed,) = json.loads(run("list", "--json").stdout)
    assert set(listed) == {"name", "scope", "created_ns", "last4"}
    assert (listed["name"], listed["scope"]) == ("quant", "read")
    (line,) = run("list").stdout.splitlines()
    assert line.split()[:2] == ["quant", "read"]
    assert line.endswith("UTC")


def test_a_revoked_token_is_none(path: Path) -> None:
    secret = run("create", "--scope", "read", "quant").stdout.strip()
    assert run("revoke", "quant").stdout == "token quant is revoked\n"
    assert TokenFile(path).find(secret) is None
    again = run("revoke", "quant")
    assert again.exit_code == 2
    assert again.stderr == "Error: token quant: there is none of that name (there are: none)\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "boss"), "--scope"),
        (("create", "--scope", "root", "boss"), "root"),
        (("create", "--scope", "read", "two words"), "a name has up to 32 letters"),
        (("create", "--scope", "read", "x", "--set", "serve.token=y"), "did you mean serve.tokens"),
    ],
)
def test_what_cannot_be_is_refused(path: Path, words: tuple[str, ...], says: str) -> None:
    refused = run(*words)
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert not path.exists()


def test_the_file_is_the_one_of_the_settings(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    run("create", "--scope", "read", "quant", "--set", f"serve.tokens={other}")
    assert [kept.name for kept in TokenFile(other).tokens()] == ["quant"]
    assert not path.exists()
    assert load_settings().serve.tokens_path == path
