"""Memory that is freed stays with the process, as long as kernels are timed.

A library makes its result anew in each call: 100 MB of 1256 covariances of 100 assets. Memory of
that size goes back to the system when it is freed, and comes again page by page: numbagg took 15 %
longer so, and in every third repetition 3.5 times as long, as a virtual machine hands free pages
to its host after two seconds. Ours, and what we wrote beside it, fill arrays that are there.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_NEVER_TRIM = 2**31 - 1
# What is set stays set. Left to itself, glibc raises both thresholds as large arrays are freed, to
# these at most; with those it begins with, reading 500 assets took 620 us afterwards, not 280.
_AFTERWARDS = {_MMAP_MAX: 65_536, _MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 64 * 2**20}


@contextmanager
def kept_memory() -> Iterator[bool]:
    """Keep freed memory until the end; gives whether the C library can (glibc; else False)."""
    library = ctypes.CDLL(None)
    has_options = hasattr(library, "mallopt") and hasattr(library, "malloc_trim")
    if has_options:
        library.mallopt(_MMAP_MAX, 0)
        library.mallopt(_TRIM_THRESHOLD, _NEVER_TRIM)
    try:
        yield has_options
    finally:
        if has_options:
            for option, value in _AFTERWARDS.items():
                library.mallopt(option, value)
            library.malloc_trim(0)
