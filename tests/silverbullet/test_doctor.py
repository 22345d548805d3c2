"""What `doctor` says of the folder for compiled kernels."""

from pathlib import Path

import pytest

from silverbullet.doctor import Finding, examine
from silverbullet.settings import load_settings


def kernels(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Finding:
    monkeypatch.setenv("SILVERBULLET_CACHE", str(cache))
    (found,) = [finding for finding in examine(load_settings()) if finding.part == "kernels"]
    return found


def test_a_cache_that_cannot_be_written_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the folder's place")
    for cache in (tmp_path / "file", tmp_path / "file" / "deeper"):
        found = kernels(cache, monkeypatch)
        assert not found.ok
        assert str(cache) in found.says
        assert "cannot keep compiled kernels: Not a directory" in found.says
        assert "set SILVERBULLET_CACHE" in found.says


def test_a_cache_not_filled_yet_is_told_and_nothing_is_left_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = kernels(tmp_path / "new", monkeypatch)
    assert (found.ok, "silverbullet warm" in found.says) == (False, True)
    assert list(tmp_path.iterdir()) == []


def test_compiled_kernels_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILVERBULLET_CACHE", str(tmp_path))
    from stats.compiled import cache_folder

    cache_folder().mkdir(parents=True)
    (cache_folder() / "a.nbi").write_text("")
    found = kernels(tmp_path, monkeypatch)
    assert found.ok
    assert found.says.startswith("1 compiled in ")


def test_an_engine_that_cannot_start_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))  # no Java is in there
    settings = load_settings(flags={"engine": {"order": ["spark", "local"]}})
    (found,) = [finding for finding in examine(settings) if finding.part == "spark"]
    assert not found.ok
    assert "Java is missing" in found.says
    assert "engine.order" in found.says
    assert "ray" not in {finding.part for finding in examine(settings)}
