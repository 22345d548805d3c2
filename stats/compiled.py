"""The one way a kernel is compiled, and where its machine code is kept.

Numba's own cache does not notice that a function called from another file has
changed, and then runs stale code in silence. So the cache folder carries a hash of
every kernel source, the versions and the processor: another source, another folder.
"""

import hashlib
import os
import platform
from collections.abc import Callable
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import platformdirs
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])
FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

_ROOT = Path(__file__).resolve().parent.parent
_KERNEL_PACKAGES = ("stats", "optimize", "ingest/native")
# What compiles nothing and is imported by nothing that does: a change there must not cost
# everyone the half minute of compiling anew.
_COMPILE_NOTHING = (
    "optimize/engines/*",
    "ingest/native/reader.py",
    "ingest/native/decoding.py",
    "ingest/native/packed_batches.py",
    "ingest/native/librdkafka.py",
    "ingest/native/warming.py",
    "*/plain*.py",
    "*/pairs.py",
)


class KernelCacheError(OSError):
    """The folder of the compile cache cannot be written."""


def _processor() -> str:
    """Name the processor as its compiled code depends on it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags")
    lines = {line for line in text.splitlines() if line.startswith(wanted)}
    return "\n".join(sorted(lines))


def kernel_sources() -> list[Path]:
    """Give the files that compiled code may depend on, in a fixed order."""
    files = [path for package in _KERNEL_PACKAGES for path in (_ROOT / package).rglob("*.py")]
    return sorted(
        path
        for path in files
        if not any(fnmatch(path.relative_to(_ROOT).as_posix(), skip) for skip in _COMPILE_NOTHING)
    )


@cache
def source_fingerprint() -> str:
    """Hash what compiled code depends on: kernel sources, versions, processor.

    Returns
    -------
    str
        16 hexadecimal characters.
    """
    digest = hashlib.sha256()
    for path in kernel_sources():
        digest.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes())
    for name in ("numba", "numpy", "llvmlite"):
        digest.update(f"{name}={version(name)}".encode())
    digest.update(platform.python_version().encode() + _processor().encode())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Give the folder of the compile cache.

    Returns
    -------
    Path
        ``$SILVERBULLET_CACHE`` or the user's cache folder, then ``kernels/<fingerprint>``.
    """
    root = os.environ.get("SILVERBULLET_CACHE") or platformdirs.user_cache_dir("silverbullet")
    return Path(root) / "kernels" / source_fingerprint()


def kernel(function: Function) -> Function:
    """Compile a function on first call, without the GIL, to the same bits everywhere.

    No fastmath and no parallel loops: both change the order of additions. Division by
    zero follows IEEE 754 as in numpy (``error_model``), which also removes a branch a
    division.

    Raises
    ------
    KernelCacheError
        The cache folder cannot be written.
    """
    return _compile(function)


def lean_kernel(function: Function) -> Function:
    """Compile a kernel that makes no arrays: references to those it is given are not counted.

    Its caller holds them. A call from Python takes 0.15 us less, a sweep of 50 assets 0.9 us, not
    2.8: counting is atomic, and each row that is looked at is counted.
    """
    return _compile(function, _nrt=False)


def inlined(function: Function) -> Function:
    """Compile what a kernel calls for each tick or row: it becomes a part of its caller.

    It must not make arrays, and does not count references to those it is given: counting is
    atomic, and took 90 of 125 ns a tick in the tick window. Without a place of its own the
    arrays' shapes and strides are not handed over either, another 20 ns.
    """
    return _compile(function, forceinline=True, _nrt=False)


def _compile(function: Function, **options: Any) -> Function:
    # `record` and `serve` need the types above and no kernel: 0.6 s of the processor and 60 MB.
    import numba

    folder = cache_folder()
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010 - numba makes its settings at run time
    compiled = cast(Any, numba.njit)(nogil=True, cache=True, error_model="numpy", **options)(
        function
    )
    if compiled is function:
        return function  # NUMBA_DISABLE_JIT=1: nothing is compiled, so nothing is kept
    if not Path(compiled.stats.cache_path or "").is_relative_to(folder):
        raise KernelCacheError(
            f"cannot keep compiled kernels in {folder}: it must be a folder that can be written; "
            "set SILVERBULLET_CACHE to one"
        )
    return cast(Function, compiled)
