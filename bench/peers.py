"""Which libraries stand beside the kernels, and whether they are there; none is needed to run."""

from importlib.util import find_spec

PACKAGES = (
    "numpy",
    "numba",
    "llvmlite",
    "bottleneck",
    "numbagg",
    "polars",
    "scipy",
    "pyportfolioopt",
    "daqp",
    "skfolio",
)


def is_installed(module: str) -> bool:
    """Tell whether a peer is there."""
    return find_spec(module) is not None
