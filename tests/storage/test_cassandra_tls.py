"""A Cassandra that asks for TLS and a password: who is let in, and what the others are told."""

from dataclasses import replace
from pathlib import Path

import pytest

from silverbullet.own_services import KINDS, Wish, bring_up, open_service, wipe
from storage.cassandra import CassandraStore
from storage.protocol import DecisionQuery, StoreError, UnreachableError
from tests.factories import make_decision
from tests.services import free_offset
from tests.storage.backends import cassandra_address


@pytest.mark.cassandra
@pytest.mark.long
def test_only_who_checks_the_right_certificate_and_has_the_password_is_let_in(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "services"
    bring_up("cassandra", folder, Wish(port_offset=free_offset(), secure=True), lambda _: None)
    try:
        service = open_service("cassandra", folder)
        state = service.state()
        assert state is not None
        layout = service.folder.layout(state)
        (native, *_) = KINDS["cassandra"].ports(layout, 1)
        address = cassandra_address(
            native.address,
            "silverbullet",
            user="silverbullet",
            password=layout.password_path("silverbullet").read_text().strip(),
            tls=True,
            ca_path=str(layout.ca_path),
        )
        with CassandraStore(address) as store:
            assert store.append([make_decision()], []) == 1
            assert store.decisions(DecisionQuery())[0].id == make_decision().id
        for changes, told in (
            ({"password": "wrong"}, "or the password is wrong"),
            ({"tls_name": "elsewhere.example"}, "Hostname mismatch.*cassandra.tls_name"),
            ({"ca_path": ""}, "certificate verify failed.*cassandra.ca_file"),
            ({"ca_path": str(tmp_path / "none")}, "No such file.*cassandra.ca_file"),
        ):
            with pytest.raises(StoreError, match=told) as refused:
                CassandraStore(replace(address, **changes), read_only=True)
            assert not isinstance(refused.value, UnreachableError)
        plain = CassandraStore(replace(address, tls=False), read_only=True)
        with pytest.raises(UnreachableError, match=r"nobody answers.*TLS settings"):
            plain.statuses()
        plain.close()
    finally:
        wipe("cassandra", folder)
