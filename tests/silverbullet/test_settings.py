import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from silverbullet.settings import (
    SECTIONS,
    SettingsError,
    default_settings,
    load_settings,
)
from silverbullet.settings_table import describe_settings


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SILVERBULLET_") and "__" in name:
            monkeypatch.delenv(name)


def toml(folder: Path, text: str) -> Path:
    path = folder / "silverbullet.toml"
    path.write_text(text)
    return path


def test_flags_are_over_the_environment_and_both_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = toml(tmp_path, "[window]\nrows = 10\nticks = 11\nstale_after = 12\n")
    monkeypatch.setenv("SILVERBULLET_WINDOW__TICKS", "21")
    monkeypatch.setenv("SILVERBULLET_WINDOW__STALE_AFTER", "22")
    window = load_settings(path, {"window": {"stale_after": 32}}).window
    assert (window.rows, window.ticks, window.stale_after) == (10, 21, 32)
    assert window.min_observations == default_settings().window.min_observations


def test_the_environment_changes_nothing_of_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILVERBULLET_WINDOW__ROWS", "77")
    assert default_settings().window.rows == 300
    assert load_settings().window.rows == 77


def test_a_list_is_one_word_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILVERBULLET_ENGINE__ORDER", "local,ray")
    assert load_settings().engine.order == ("local", "ray")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("window.row", "window.rows"),
        ("window.sample_intervall_s", "window.sample_interval_s"),
        ("optimize.max_wieght", "optimize.max_weight"),
        ("kafka.bootstrp", "kafka.bootstrap"),
        ("serve.prt", "serve.port"),
        ("ticks.max_symbol", "ticks.max_symbols"),
        ("engine.worker", "engine.workers"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_nearest_name(
    name: str, nearest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section, key = name.split(".")
    wanted = f"unknown setting {name}: did you mean {nearest}?"
    with pytest.raises(SettingsError) as by_flag:
        load_settings(flags={section: {key: 1}})
    assert str(by_flag.value) == wanted
    with pytest.raises(SettingsError) as by_file:
        load_settings(toml(tmp_path, f"[{section}]\n{key} = 1\n"))
    assert str(by_file.value) == wanted
    monkeypatch.setenv(f"SILVERBULLET_{section}__{key}".upper(), "1")
    with pytest.raises(SettingsError) as by_environment:
        load_settings()
    assert str(by_environment.value) == wanted


@pytest.mark.parametrize(("section", "nearest"), [("windw", "window"), ("optimise", "optimize")])
def test_a_misspelt_section_is_refused_with_the_nearest_name(
    section: str, nearest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=f"{section}.*{nearest}"):
        load_settings(flags={section: {"rows": 1}})
    with pytest.raises(SettingsError, match=f"{section}.*{nearest}"):
        load_settings(toml(tmp_path, f"[{section}]\nrows = 1\n"))
    monkeypatch.setenv(f"SILVERBULLET_{section.upper()}__ROWS", "1")
    with pytest.raises(SettingsError, match=f"{section.upper()}__ROWS.*{nearest}"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window.rows", 1),
        ("window.rows", "many"),
        ("window.sample_interval_s", 0),
        ("window.sample_interval_s", -1),
        ("window.min_observations", 1),
        ("window.stale_after", 0),
        ("ticks.max_symbols", 0),
        ("ticks.allowed_lateness_s", -0.1),
        ("ticks.allowed_lateness_s", math.inf),
        ("ticks.future_tolerance_s", math.nan),
        ("ticks.future_tolerance_s", 1e300),
        ("optimize.method", "guess"),
        ("optimize.max_weight", 0),
        ("optimize.max_weight", 1.01),
        ("optimize.n_draws", 0),
        ("optimize.seed", -1),
        ("optimize.seed", 2**63),
        ("optimize.deadline_s", 0),
        ("decide.trigger", "whim"),
        ("decide.min_interval_s", math.inf),
        ("decide.portfolio", "Main Portfolio"),
        ("engine.order", "spork,local"),
        ("engine.workers", 0),
        ("engine.ray_address", "10.0.0.1"),
        ("engine.spark_master", "spork://10.0.0.1:7077"),
        ("engine.spark_master", "yarn"),
        ("storage.retention_s", math.inf),
        ("serve.host", "a b"),
        ("serve.port", 70_000),
        ("serve.streams", 0),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    section, key = name.split(".")
    with pytest.raises(SettingsError) as by_flag:
        load_settings(flags={section: {key: value}})
    assert f"setting {name}" in str(by_flag.value)
    assert "\n" not in str(by_flag.value)
    monkeypatch.setenv(f"SILVERBULLET_{section}__{key}".upper(), str(value))
    with pytest.raises(SettingsError, match=f"setting {name}"):
        load_settings()


@pytest.mark.parametrize("name", [row.name for row in describe_settings(default_settings())])
@given(text=st.text(max_size=12))
@hypothesis_settings(max_examples=40, deadline=None)
def test_no_text_in_the_place_of_a_value_does_worse_than_be_refused(name: str, text: str) -> None:
    section, key = name.split(".")
    refusal = ""
    try:
        found = getattr(getattr(load_settings(flags={section: {key: text}}), section), key)
    except SettingsError as error:
        refusal = str(error)
    assert name in refusal if refusal else found is not None


def test_a_file_that_is_not_there_or_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: no such file"):
        load_settings(tmp_path / "nowhere.toml")
    path = toml(tmp_path, "[window\nrows = 5\n")
    with pytest.raises(SettingsError, match="line 1"):
        load_settings(path)


def test_a_setting_outside_of_any_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="rows"):
        load_settings(toml(tmp_path, "rows = 5\n"))
    with pytest.raises(SettingsError, match="window"):
        load_settings(toml(tmp_path, "window = 5\n"))


def test_a_section_given_as_one_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILVERBULLET_WINDOW", "5")
    with pytest.raises(SettingsError, match="window"):
        load_settings()


def test_every_setting_is_described_with_its_value_and_default() -> None:
    rows = {
        row.name: row for row in describe_settings(load_settings(flags={"window": {"rows": 9}}))
    }
    assert set(rows) == {
        f"{section}.{key}" for section, model in SECTIONS.items() for key in model.model_fields
    }
    assert all(row.description for row in rows.values())
    assert (rows["window.rows"].value, rows["window.rows"].default) == ("9", "300")
    assert rows["engine.order"].value == "ray,spark,local"


def test_sample_interval_is_exact_in_nanoseconds() -> None:
    for seconds, ns in (
        (0.1, 100_000_000),
        (1e-3, 1_000_000),
        (0.3, 300_000_000),
        (86_400, 86_400 * 10**9),
    ):
        window = load_settings(flags={"window": {"sample_interval_s": seconds}}).window
        assert window.sample_interval_ns == ns
