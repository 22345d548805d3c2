"""Where compiled code is kept, and which sources its folder's name covers."""

import ast
from pathlib import Path

import pytest

from stats.compiled import KernelCacheError, cache_folder, kernel, kernel_sources

ROOT = Path(__file__).parents[2]


def doubled(value: float) -> float:
    return 2.0 * value


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported_modules(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def all_sources() -> set[Path]:
    return {path for package in ("stats", "optimize") for path in (ROOT / package).rglob("*.py")}


def test_every_file_with_a_kernel_is_covered() -> None:
    with_kernels = {path for path in all_sources() if "\n@kernel\n" in path.read_text()}
    assert len(with_kernels) > 10
    assert with_kernels <= set(kernel_sources())


def test_what_is_left_out_is_imported_by_nothing_that_compiles() -> None:
    left_out = {module_name(path) for path in all_sources() - set(kernel_sources())}
    assert {"optimize.engines.wire", "optimize.plain_draws", "stats.pairs"} <= left_out
    for path in kernel_sources():
        assert left_out.isdisjoint(imported_modules(path)), path


def test_compiled_code_is_kept_in_the_folder_of_its_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILVERBULLET_CACHE", str(tmp_path))
    assert kernel(doubled)(21.0) == 42.0
    kept = [path for path in tmp_path.rglob("*") if path.suffix in {".nbi", ".nbc"}]
    assert len(kept) == 2
    assert all(path.is_relative_to(cache_folder()) for path in kept)


def test_a_folder_that_cannot_be_written_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SILVERBULLET_CACHE", str(blocked))
    with pytest.raises(KernelCacheError, match=rf"{blocked}.*set SILVERBULLET_CACHE"):
        kernel(doubled)
