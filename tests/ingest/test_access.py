"""How a broker is reached: what each protocol needs, and that a password is shown nowhere."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingest.access import BrokerAccess
from ingest.broker import BrokerError, EmbeddedBroker
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from ingest.topic_specs import FoundTopic, TopicSpec, compare
from silverbullet.broker_access import broker_access
from silverbullet.cli import main
from silverbullet.options import Refused
from silverbullet.settings import load_settings
from silverbullet.sole_run import open_outputs
from silverbullet.topics import topic_specs

SECRET = "hush-hush-4711"  # noqa: S105 - of nobody
SASL: dict[str, Any] = {"security_protocol": "sasl_ssl", "user": "me", "password": SECRET}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (SASL | {"user": ""}, r"sasl_ssl needs kafka\.user"),
        (SASL | {"password": ""}, r"needs a password.*SILVERBULLET_KAFKA__PASSWORD"),
        ({"user": "me"}, r"plaintext sends no user"),
        ({"ca_path": "ca.pem"}, r"plaintext uses no certificates"),
        (SASL | {"certificate_path": __file__}, r"belong together"),
        (SASL | {"ca_path": "/nowhere/ca.pem"}, r"kafka\.ca_file=/nowhere/ca\.pem: No such file"),
    ],
)
def test_what_a_protocol_lacks_is_named(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        BrokerAccess("127.0.0.1:9092", **given)
    assert SECRET not in str(refused.value)


def test_a_key_that_is_none_is_told_by_every_client() -> None:
    broken = BrokerAccess("127.0.0.1:9", "ssl", ca_path=__file__)
    for make in (lambda: TopicProducer(broken), lambda: TopicConsumer(broken, ["ticks"])):
        with pytest.raises(BrokerError, match=r"Kafka at 127\.0\.0\.1:9, making a client: .*ssl"):
            make()


def test_a_password_is_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILVERBULLET_KAFKA__PASSWORD", SECRET)
    access = BrokerAccess("127.0.0.1:9092", **SASL)
    assert SECRET not in f"{access} {access!r}"
    for words in (["settings"], ["settings", "--json"]):
        shown = CliRunner().invoke(main, words)
        assert shown.exit_code == 0
        assert SECRET not in shown.output
    assert SECRET not in f"{load_settings()!r}"
    config = tmp_path / "settings.toml"
    config.write_text(f'[kafka]\npassword = "{SECRET}"\n')
    for words in (["--set", f"kafka.password={SECRET}"], ["--config", str(config)]):
        refused = CliRunner().invoke(main, ["settings", *words])
        assert refused.exit_code == 2
        assert "SILVERBULLET_KAFKA__PASSWORD" in refused.output
        assert SECRET not in refused.output


def test_the_password_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n")
    kafka = {"bootstrap": "127.0.0.1:9092", "security_protocol": "sasl_ssl", "user": "me"}

    def access(**more: str) -> BrokerAccess:
        return broker_access(load_settings(flags={"kafka": kafka | more}).kafka)

    security = access(password_file=str(path)).security()
    assert security["sasl.password"] == SECRET
    assert security["sasl.mechanism"] == "SCRAM-SHA-256"
    with pytest.raises(Refused, match=r"kafka\.password_file=.*none: No such file"):
        access(password_file=str(tmp_path / "none"))
    with pytest.raises(Refused, match="needs a password"):
        access()


def test_one_run_a_portfolio_at_an_embedded_broker(
    broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    access = BrokerAccess(broker.address)
    first = open_outputs(access, "main")
    with pytest.raises(BrokerError, match="another `silverbullet run` decides for portfolio main"):
        open_outputs(access, "main")
    other = open_outputs(access, "other")
    first.close(5)
    again = open_outputs(access, "main")
    for outputs in (other, again):
        outputs.close(5)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_topics_differ_where_partitions_replicas_or_settings_do() -> None:
    kafka = load_settings(
        flags={"kafka": {"ticks_partitions": 4, "retention_s": 3600, "retention_bytes": 10**9}}
    ).kafka
    specs = {spec.name: spec for spec in topic_specs(kafka)}
    ticks = specs["ticks"]
    assert (ticks.partitions, ticks.config["retention.ms"]) == (4, "3600000")
    assert int(ticks.config["segment.ms"]) == 450_000  # or nothing would be dropped for a week
    assert specs["decisions"].config["retention.ms"] == "-1"
    assert specs["state"].config["cleanup.policy"] == "compact"
    same = FoundTopic(4, 1, config=ticks.config | {"compression.type": "producer"})
    assert compare(ticks, same) == []
    other = FoundTopic(2, 3, config=ticks.config | {"retention.ms": "1"})
    told = {difference.what: difference.can_alter for difference in compare(ticks, other)}
    assert told == {"partitions": True, "replication factor": False, "retention.ms": True}
    (fewer,) = compare(TopicSpec("ticks", 1), FoundTopic(4, 1))
    assert not fewer.can_alter
    words = "partitions is 4, the settings say 1 (Kafka cannot change that in place)"
    assert str(fewer) == words
