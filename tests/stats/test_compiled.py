"""Where compiled code is kept, and which sources its folder's name covers."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

from stats.compiled import (
    KernelCacheError,
    cache_folder,
    inlined,
    kernel,
    kernel_sources,
    lean_kernel,
)

ROOT = Path(__file__).parents[2]


def doubled(value: float) -> float:
    return 2.0 * value


def last_of(values: np.ndarray) -> float:
    return float(values[-1])


def zeros_like(values: np.ndarray) -> np.ndarray:
    return np.zeros(len(values))


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
    marks = ("\n@kernel\n", "\n@lean_kernel\n", "\n@inlined\n")
    sources = {path: path.read_text() for path in all_sources()}
    with_kernels = {path for path, text in sources.items() if any(mark in text for mark in marks)}
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


@pytest.mark.parametrize("compiled", [lean_kernel, inlined])
def test_what_counts_no_references_gives_the_same_and_may_not_make_arrays(
    compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILVERBULLET_CACHE", str(tmp_path))
    values = np.arange(5.0)
    before = sys.getrefcount(values)
    assert compiled(last_of)(values) == kernel(last_of)(values) == 4.0
    assert sys.getrefcount(values) == before
    with pytest.raises(TypingError, match="Only accept returning of array passed"):
        compiled(zeros_like)(values)


def test_a_folder_that_cannot_be_written_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SILVERBULLET_CACHE", str(blocked))
    with pytest.raises(KernelCacheError, match=rf"{blocked}.*set SILVERBULLET_CACHE"):
        kernel(doubled)
