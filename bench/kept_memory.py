"""Memory that is freed stays with the process, as long as kernels are timed.

A library makes its result anew in each call: 100 MB of 1256 covariances of 100 assets. Memory of
that size goes back to the system when it is freed, and comes again page by page: numbagg took 15 %
longer so, and in every third repetition 3.5 times as long, as a virtual machine hands free pages
to its host after two seconds. Ours, and what we wrote beside it, fill arrays that are there.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

# Of glibc's malloc.h, with the values that it begins with.
_TRIM_THRESHOLD, _TRIM_DEFAULT = -1, 128 * 1024
_MMAP_MAX, _MMAP_DEFAULT = -4, 65_536
_NEVER_TRIM = 2**31 - 1


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
            library.mallopt(_MMAP_MAX, _MMAP_DEFAULT)
            library.mallopt(_TRIM_THRESHOLD, _TRIM_DEFAULT)
            library.malloc_trim(0)
