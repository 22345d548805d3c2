"""Controls over HTTP: who may send which, and that nothing else reaches the topic."""

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from storage.control import Control
from tests.ui.guarded import JSON, OWN, Guarded, bearer, make_guarded
from tests.ui.tape import NOW_NS

WISH = {"order": ["spark", "local"], "workers": 3}
ADDRESS = "/api/v1/control"


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return make_guarded(tmp_path)


def test_a_wish_reaches_the_topic_as_it_is(guarded: Guarded) -> None:
    answer = guarded.client().post(ADDRESS, json=WISH, headers=bearer(guarded.admin))
    (control,) = guarded.sent
    assert control == Control(
        id=control.id, time_ns=NOW_NS, who="boss", order=("spark", "local"), workers=3
    )
    assert answer.status_code == 202
    assert answer.json == {
        "id": control.id,
        "who": "boss",
        "wish": "engines spark, local; workers 3",
        "watch": "/api/v1/status",
    }
    assert answer.headers["Location"] == "/api/v1/status"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("wish", "fields"),
    [
        ({"paused": True}, {"paused": True}),
        ({"paused": False}, {"paused": False}),
        ({"reset": True, "workers": None}, {"reset": True}),
        ({"dispatch": "resident", "reset": None}, {"dispatch": "resident"}),
        ({"order": ["local"]}, {"order": ("local",)}),
        ({"workers": 256}, {"workers": 256}),
        ({"workers": 3.0}, {"workers": 3}),  # to JSON the same
    ],
)
def test_every_field_reaches_the_topic(guarded: Guarded, wish: dict, fields: dict) -> None:
    answer = guarded.client().post(ADDRESS, json=wish, headers=bearer(guarded.admin))
    assert answer.status_code == 202
    (control,) = guarded.sent
    assert control == Control(id=control.id, time_ns=NOW_NS, who="boss", **fields)


ORIGINS = {
    "none": {},
    "own": {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
    "own, old browser": {"Origin": OWN},
    "other port": {"Origin": "http://localhost:9999", "Sec-Fetch-Site": "same-site"},
    "other scheme": {"Origin": "https://localhost"},
    "other site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "other site, old browser": {"Origin": "https://evil.example"},
    "opaque": {"Origin": "null"},
    "lying": {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
    "no origin but a site": {"Sec-Fetch-Site": "same-site"},
}
WHO = ("nobody", "wrong token", "basic", "reader", "reader's page", "admin", "admin's page")


def expected(who: str, origin: str) -> int:
    """The rule, written down once more: the origin first, then who, then the scope."""
    has_page = who.endswith("page")
    if not (origin.startswith("own") or (origin == "none" and not has_page)):
        return 403
    return {"r": 403, "a": 202}.get(who[0], 401)


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("who", WHO)
def test_who_from_where(
    guarded: Guarded, who: str, origin: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = guarded.admin if who.startswith("admin") else guarded.reader
    client = guarded.logged_in(secret) if who.endswith("page") else guarded.client()
    headers = {
        "wrong token": bearer("sb_" + "x" * 43),
        "basic": {"Authorization": "Basic Ym9zczpib3Nz"},
        "reader": bearer(guarded.reader),
        "admin": bearer(guarded.admin),
    }.get(who, {})
    with caplog.at_level(logging.WARNING, "silverbullet.serve"):
        answer = client.post(ADDRESS, json=WISH, headers=headers | ORIGINS[origin])
    assert answer.status_code == expected(who, origin), answer.text
    assert len(guarded.sent) == (answer.status_code == 202)
    if answer.status_code == 202:
        return
    assert answer.content_type == "application/problem+json"
    assert answer.json["remedy"]
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert ("invalid_token" in answer.headers["WWW-Authenticate"]) == (who != "nobody")
    (line,) = caplog.messages
    assert line.startswith(f"refused POST '{ADDRESS}' from 127.0.0.1 with {answer.status_code}")
    told = caplog.text + answer.text + str(answer.headers)
    for secret in (guarded.admin, guarded.reader, "xxxx", "Ym9zczpib3Nz"):
        assert secret not in told


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Guarded:
    return make_guarded(tmp_path_factory.mktemp("lasting"))


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=200)
    | st.builds("Bearer {}".format, st.text(st.characters(max_codepoint=255, min_codepoint=32)))
    | st.builds("silverbullet_session={}".format, st.text(st.characters(max_codepoint=126)))
)
def test_no_other_credentials_send_one(lasting: Guarded, text: str) -> None:
    lasting.now_ns[0] += 10**12  # past the limit of wrong tokens
    for name in ("Authorization", "Cookie"):
        headers = {name: "".join(letter for letter in text if letter.isprintable())}
        answer = lasting.client().post(ADDRESS, json=WISH, headers=headers | {"Origin": OWN})
        assert answer.status_code == 401, answer.text
    assert lasting.sent == []


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_no_other_method_sends_one(guarded: Guarded, method: str) -> None:
    answer = guarded.client().open(ADDRESS, method=method, json=WISH, headers=bearer(guarded.admin))
    assert answer.status_code == 405
    assert guarded.sent == []


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"order": []}, "order"),
        ({"order": ["ray", "spark", "local", "ray"]}, "order"),
        ({"order": ["dask"]}, "order.0"),
        ({"order": "ray"}, "order"),
        ({"dispatch": "actors"}, "dispatch"),
        ({"workers": 0}, "workers"),
        ({"workers": 257}, "workers"),
        ({"workers": 10**400}, "workers"),
        ({"workers": 2.5}, "workers"),
        ({"workers": "3"}, "workers"),
        ({"workers": True}, "workers"),
        ({"paused": "yes"}, "paused"),
        ({"paused": 1}, "paused"),
        ({"reset": "true"}, "reset"),
        ({"who": "someone else", "workers": 2}, "who"),
        ({"id": "1", "workers": 2}, "id"),
        ({"worker": 2}, "worker"),
        ({}, "body"),
        ({"workers": None}, "body"),
        ({"reset": False}, "body"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_by_field(
    guarded: Guarded, wish: dict, field: str
) -> None:
    answer = guarded.client().post(ADDRESS, json=wish, headers=bearer(guarded.admin))
    assert answer.status_code == 422, answer.text
    assert field in {fault["parameter"] for fault in answer.json["errors"]}
    assert field in answer.json["detail"]
    assert guarded.sent == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 411),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"workers": NaN}', 422),
        (b"[]", 422),
        (b'"pause"', 422),
        (b"[" * 4000, 400),
        (b'{"workers": 3, "x": "' + b"x" * 4096 + b'"}', 413),
        (b" " * 5_000_000, 413),
    ],
)
def test_a_body_that_is_no_wish(guarded: Guarded, body: bytes, status: int) -> None:
    headers = JSON | bearer(guarded.admin)
    answer = guarded.client().post(ADDRESS, data=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert guarded.sent == []


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""]
)
def test_a_form_of_another_site_is_refused_twice_over(guarded: Guarded, kind: str) -> None:
    """What a page elsewhere can post without a preflight: its kind and its origin are wrong."""
    body = b'{"workers": 3}'
    client = guarded.logged_in(guarded.admin)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site",
               "Sec-Fetch-Mode": "navigate", "Content-Type": kind}  # fmt: skip
    assert client.post(ADDRESS, data=body, headers=foreign).status_code == 403
    own = {"Origin": OWN, "Content-Type": kind}
    assert client.post(ADDRESS, data=body, headers=own).status_code == 415
    assert guarded.sent == []


def test_an_unknown_host_is_refused_before_the_token(guarded: Guarded) -> None:
    headers = bearer(guarded.admin) | {"Host": "evil.example"}
    assert guarded.client().post(ADDRESS, json=WISH, headers=headers).status_code == 403
    assert guarded.sent == []


@pytest.mark.parametrize(
    ("broker", "says", "remedy"),
    [("unnamed", "no broker is named", "--set kafka.bootstrap=HOST:PORT"),
     ("down", "no broker answers at 127.0.0.1:1", "see that the broker runs")],
)  # fmt: skip
def test_without_a_broker_it_is_503_and_says_the_remedy(
    tmp_path: Path, broker: str, says: str, remedy: str
) -> None:
    guarded = make_guarded(tmp_path, broker=broker)
    answer = guarded.client().post(ADDRESS, json=WISH, headers=bearer(guarded.admin))
    assert answer.status_code == 503
    assert says in answer.json["detail"]
    assert remedy in answer.json["remedy"]
    # Who may not ask is not told either.
    assert guarded.client().post(ADDRESS, json=WISH).status_code == 401


def test_a_revoked_token_sends_nothing_more(guarded: Guarded) -> None:
    client, page = guarded.client(), guarded.logged_in(guarded.admin)
    assert client.post(ADDRESS, json=WISH, headers=bearer(guarded.admin)).status_code == 202
    assert page.post(ADDRESS, json=WISH, headers={"Origin": OWN}).status_code == 202
    guarded.tokens.revoke("boss")
    assert client.post(ADDRESS, json=WISH, headers=bearer(guarded.admin)).status_code == 401
    assert page.post(ADDRESS, json=WISH, headers={"Origin": OWN}).status_code == 401
    assert len(guarded.sent) == 2


def test_a_damaged_file_of_tokens_lets_nobody_steer(guarded: Guarded) -> None:
    guarded.tokens.path.write_text("{")
    answer = guarded.client().post(ADDRESS, json=WISH, headers=bearer(guarded.admin))
    assert answer.status_code == 503
    assert str(guarded.tokens.path) not in answer.text
    assert guarded.sent == []
    assert guarded.client().get("/api/v1/status").status_code == 200


def test_it_is_what_the_document_describes(guarded: Guarded) -> None:
    spec = guarded.client().get("/api/v1/openapi.json").json
    operation = spec["paths"][ADDRESS]["post"]
    assert operation["security"] == [{"token": []}, {"session": []}]
    assert set(spec["components"]["securitySchemes"]) == {"token", "session"}
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    whole = {**body, "components": spec["components"]}
    Draft202012Validator(whole).validate(WISH)
    assert not Draft202012Validator(whole).is_valid({"workers": 0})
    assert not Draft202012Validator(whole).is_valid({"who": "me"})
    assert set(operation["responses"]) == {
        "202", "400", "401", "403", "411", "413", "415", "422", "429", "500", "503",
    }  # fmt: skip
    answer = guarded.client().post(ADDRESS, json=WISH, headers=bearer(guarded.admin))
    schema = operation["responses"]["202"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": spec["components"]}).validate(answer.json)
