"""Tokens at rest: what the file holds, who may touch it, when a token holds."""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tokens import Token, TokenError, TokenFile

NOW_NS = 1_790_000_000_000_000_000


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "private" / "tokens.json")


def test_a_token_is_recognised_and_nothing_else_is(tokens: TokenFile) -> None:
    secret = tokens.create("quant", "read", NOW_NS)
    other = tokens.create("boss", "admin", NOW_NS + 1)
    found = tokens.find(secret)
    assert found is not None
    assert (found.name, found.scope, found.created_ns) == ("quant", "read", NOW_NS)
    assert tokens.find(other).name == "boss"
    for wrong in (
        "",
        secret[:-1],
        secret + "x",
        secret.upper(),
        found.digest,
        "x" * 100_000,
        "é\ud800",
    ):
        assert tokens.find(wrong) is None


def test_the_file_holds_no_token_and_only_its_owner_may_use_it(tokens: TokenFile) -> None:
    umask = os.umask(0)
    try:
        secret = tokens.create("quant", "admin", NOW_NS)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(tokens.path.parent.stat().st_mode) == 0o700
    text = tokens.path.read_text()
    assert secret not in text
    (kept,) = json.loads(text)["tokens"]
    assert kept["digest"] == hashlib.sha256(secret.encode()).hexdigest()
    assert kept["last4"] == secret[-4:]
    # Beyond these four characters nothing of it is kept.
    assert secret[4:12] not in text
    assert sorted(path.name for path in tokens.path.parent.iterdir()) == [
        "tokens.json",
        "tokens.json.lock",
    ]


def test_tokens_hold_256_random_bits(tokens: TokenFile) -> None:
    made = {tokens.create(f"t{index}", "read", NOW_NS) for index in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"sb_[A-Za-z0-9_-]{43}", secret) for secret in made)  # 43 x 6 bits


def test_what_another_process_changes_holds_at_once(tokens: TokenFile) -> None:
    elsewhere = TokenFile(tokens.path)
    assert elsewhere.tokens() == ()
    first = tokens.create("first", "read", NOW_NS)
    second = tokens.create("second", "admin", NOW_NS)
    assert elsewhere.find(first).name == "first"
    tokens.revoke("first")
    assert elsewhere.find(first) is None
    assert elsewhere.still_holds(hashlib.sha256(first.encode()).hexdigest()) is None
    assert elsewhere.find(second).scope == "admin"
    tokens.path.unlink()
    assert elsewhere.find(second) is None


def test_names_are_unique_and_revoking_none_says_which_there_are(tokens: TokenFile) -> None:
    secret = tokens.create("quant", "read", NOW_NS)
    with pytest.raises(TokenError, match="quant: there is one; revoke it first"):
        tokens.create("quant", "admin", NOW_NS)
    with pytest.raises(TokenError, match=r"nobody: there is none of that name \(there are: quant"):
        tokens.revoke("nobody")
    assert tokens.find(secret).scope == "read"


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "-x", "x" * 33, "ü", "../etc", "a\0"])
def test_odd_names_are_refused(tokens: TokenFile, name: str) -> None:
    with pytest.raises(TokenError, match="a name has up to 32 letters"):
        tokens.create(name, "read", NOW_NS)
    assert not tokens.path.exists()


def test_their_number_is_bounded(tokens: TokenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.tokens._MOST", 3)
    for index in range(3):
        tokens.create(f"t{index}", "read", NOW_NS)
    with pytest.raises(TokenError, match="revoke one first"):
        tokens.create("more", "read", NOW_NS)
    tokens.revoke("t1")
    tokens.create("more", "read", NOW_NS)
    assert [token.name for token in tokens.tokens()] == ["t0", "t2", "more"]


GOOD = {"name": "a", "scope": "read", "created_ns": 1, "digest": "0" * 64, "last4": "abcd"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"version": 2}',
        json.dumps({"tokens": [{**GOOD, "scope": "root"}]}),
        json.dumps({"tokens": [{**GOOD, "digest": "0" * 63}]}),
        json.dumps({"tokens": [{**GOOD, "extra": 1}]}),
        json.dumps({"tokens": [GOOD] * 1000}),
    ],
)
def test_a_damaged_file_lets_nobody_in_and_says_so(tokens: TokenFile, content: str) -> None:
    secret = tokens.create("quant", "admin", NOW_NS)
    tokens.path.write_text(content)
    for ask in (tokens.tokens, lambda: tokens.find(secret), lambda: tokens.revoke("quant")):
        with pytest.raises(TokenError, match=re.escape(str(tokens.path))):
            ask()
    assert tokens.path.read_text() == content


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(tokens: TokenFile, mode: int) -> None:
    secret = tokens.create("quant", "admin", NOW_NS)
    tokens.path.chmod(mode)
    with pytest.raises(TokenError, match="chmod 600"):
        tokens.find(secret)
    tokens.path.chmod(0o600)
    assert tokens.find(secret) is not None


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenError, match="File exists; tokens are kept there"):
        TokenFile(tmp_path / "file" / "tokens.json").create("quant", "read", NOW_NS)


def test_a_token_of_a_process_ends_with_it_however_it_ends(tokens: TokenFile) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        secret = tokens.create("demo-1", "admin", NOW_NS, pid=child.pid)
        own = tokens.create("own", "admin", NOW_NS, pid=os.getpid())
        assert tokens.find(secret).name == "demo-1"
    finally:
        child.kill()
        child.communicate()
    assert tokens.find(secret) is None
    assert [token.name for token in tokens.tokens()] == ["own"]
    assert tokens.find(own).name == "own"
    # Another process of that number is not it.
    text = tokens.path.read_text()
    tokens.path.write_text(text.replace(f'"{os.getpid()}:', f'"{os.getpid()}:1'))
    assert tokens.find(own) is None
    tokens.create("later", "read", NOW_NS)
    assert "demo-1" not in tokens.path.read_text()


def test_processes_that_change_it_at_once_lose_nothing(tokens: TokenFile) -> None:
    code = (
        "import sys, pathlib\nfrom storage.tokens import TokenFile\n"
        "file = TokenFile(pathlib.Path(sys.argv[1]))\n"
        "for i in range(10): file.create(f'{sys.argv[2]}{i}', 'read', i)\n"
    )
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", code, tokens.path, name], cwd=Path(__file__).parents[2]
        )
        for name in "ab"
    ]
    assert [maker.wait(60) for maker in makers] == [0, 0]
    assert len(tokens.tokens()) == 20


def test_readers_meanwhile_never_see_half_a_file(tokens: TokenFile) -> None:
    secret = tokens.create("kept", "admin", NOW_NS)
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                if tokens.find(secret) is None:
                    wrong.append("not found")
            except TokenError as error:
                wrong.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    elsewhere = TokenFile(tokens.path)
    for index in range(30):
        elsewhere.create(f"t{index}", "read", NOW_NS)
    done.set()
    reader.join()
    assert wrong == []


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), max_size=12))
def test_any_sequence_of_making_and_revoking(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, str]]
) -> None:
    tokens = TokenFile(tmp_path_factory.mktemp("tokens") / "tokens.json")
    model: dict[str, str] = {}
    for makes, name in steps:
        try:
            if makes:
                secret = tokens.create(name, "read", NOW_NS)
                assert name not in model
                model[name] = secret
            else:
                tokens.revoke(name)
                del model[name]
        except TokenError:
            assert makes == (name in model)
        kept: tuple[Token, ...] = tokens.tokens()
        assert [token.name for token in kept] == list(model)
        assert all(tokens.find(secret).name == name for name, secret in model.items())
