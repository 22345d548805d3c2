"""What rolls a covariance matrix: ours and add-and-evict row by row, libraries, and the bound.

Ours and add-and-evict go on where the last call ended, as a live program does: each call finds
its triangles as warm as the size of the caches allows.
"""

from typing import Final

import numpy as np

from stats import row_blocks, row_reads
from stats.compiled import FloatArray, IntArray, inlined, kernel
from stats.grid_window import GridWindow

KEPT: Final = 2
"""Matrices of the last reads that each contender gives: all of them would be 500 MB."""


@kernel
def push_and_read(
    first: int,
    rows: FloatArray,
    every: int,
    ids: IntArray,
    means: FloatArray,
    covariances: FloatArray,
    returns: FloatArray,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
) -> None:
    """Append rows to a grid window and read all of it after each ``every`` rows."""
    n, reads = rows.shape[1], 0
    for k in range(len(rows)):
        row_blocks.push_row(first + k, rows[k], n, returns, triangles, vectors, state)
        if (k + 1) % every == 0:
            covariance = covariances[reads % len(covariances)]
            row_reads.read_window(
                0, ids, rows[k], means[0], covariance, means[1], triangles, vectors, state
            )
            reads += 1


@inlined
def swap_row(
    window: int,
    row: FloatArray,
    kept: FloatArray,
    mean: FloatArray,
    new: FloatArray,
    new_after: FloatArray,
    old: FloatArray,
    old_after: FloatArray,
) -> None:
    """Swap a row of a full window for another: the mean, and what both do to the comoment."""
    for i in range(len(row)):
        old[i] = mean[i] - kept[i]
        fewer = mean[i] + old[i] * (1.0 / (window - 1))
        old_after[i] = kept[i] - fewer
        new[i] = row[i] - fewer
        mean[i] = fewer + new[i] * (1.0 / window)
        new_after[i] = row[i] - mean[i]
        kept[i] = row[i]


@inlined
def add_products(
    comoment: FloatArray,
    new: FloatArray,
    new_after: FloatArray,
    old: FloatArray,
    old_after: FloatArray,
) -> None:
    """Add new new_after' and old_after old' to a lower triangle: loaded and stored once."""
    for i in range(len(new)):
        added, removed = new[i], old_after[i]
        for j in range(i + 1):
            comoment[i, j] += added * new_after[j] + removed * old[j]


@inlined
def write_both_triangles(comoment: FloatArray, scale: float, covariance: FloatArray) -> None:
    """Write the whole matrix; in tiles it took longer, up to 500 assets."""
    for i in range(len(comoment)):
        for j in range(i + 1):
            covariance[i, j] = comoment[i, j] * scale
        for j in range(i):
            covariance[j, i] = covariance[i, j]


@kernel
def add_and_evict(
    first: int,
    rows: FloatArray,
    every: int,
    kept: FloatArray,
    vectors: FloatArray,
    comoment: FloatArray,
    covariances: FloatArray,
) -> None:
    """Add each row to mean and comoment, take the one it pushes out away; read as ours is read.

    Welford's update and its inverse, both in one pass over the lower triangle.

    Parameters
    ----------
    kept
        float64[W, n], ring of the rows in the window.
    vectors
        float64[5, n]: the mean, then room for the rows before and after each step.
    comoment
        float64[n, n], its lower triangle.
    """
    window, reads = len(kept), 0
    mean, new, new_after = vectors[0], vectors[1], vectors[2]
    old, old_after = vectors[3], vectors[4]
    for k in range(len(rows)):
        swap_row(window, rows[k], kept[(first + k) % window], mean, new, new_after, old, old_after)
        add_products(comoment, new, new_after, old, old_after)
        if (k + 1) % every == 0:
            write_both_triangles(
                comoment, 1.0 / (window - 1), covariances[reads % len(covariances)]
            )
            reads += 1


def kept_matrices(n: int) -> FloatArray:
    """Give both the same room, at a line of the cache as `GridWindow` has it for each read."""
    raw = np.zeros(KEPT * n * n + 7)
    start = -raw.ctypes.data % 64 // raw.itemsize
    return raw[start : start + KEPT * n * n].reshape(KEPT, n, n)


class OurWindow:
    """Ours, in one compiled loop."""

    def __init__(self, rows: FloatArray, every: int) -> None:
        n = rows.shape[1]
        self._window, self._ids, self._every = GridWindow(len(rows)), np.arange(n), every
        for k, row in enumerate(rows):
            self._window.push(k, row, n)
        self._row, self._means = len(rows), np.empty((2, n))
        self._covariances = kept_matrices(n)

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Append rows; gives the matrices of the last reads."""
        push_and_read(
            self._row, rows, self._every, self._ids, self._means, self._covariances,
            *self._window.arrays,
        )  # fmt: skip
        self._row += len(rows)
        return self._covariances

    def from_python(self, rows: FloatArray) -> FloatArray:
        """Do the same with two calls from Python, as a live program makes them."""
        found = []
        for k, row in enumerate(rows):
            self._window.push(self._row + k, row, len(row))
            if (k + 1) % self._every == 0:
                found.append(self._window.read(self._ids)[1])
                del found[:-KEPT]
        self._row += len(rows)
        return np.stack(found)


class AddAndEvict:
    """The usual way: what comes is added, what leaves is taken away."""

    def __init__(self, rows: FloatArray, every: int) -> None:
        n = rows.shape[1]
        self._kept, self._row, self._every = rows.copy(), len(rows), every
        self._vectors = np.zeros((5, n))
        self._vectors[0] = rows.mean(axis=0)
        centred = rows - self._vectors[0]
        self._comoment, self._covariances = centred.T @ centred, kept_matrices(n)

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Append rows; gives the matrices of the last reads."""
        add_and_evict(
            self._row, rows, self._every, self._kept, self._vectors, self._comoment,
            self._covariances,
        )  # fmt: skip
        self._row += len(rows)
        return self._covariances


def last_numpy_covariances(rows: FloatArray, window: int, every: int) -> FloatArray:
    """Give the covariances of the last reads: each costs the same, however many there are."""
    ends = range(len(rows) - (KEPT - 1) * every, len(rows) + 1, every)
    return np.stack([np.cov(rows[end - window : end], rowvar=False) for end in ends])


def numbagg_covariances(rows: FloatArray, window: int, every: int) -> FloatArray:
    """Give the same; numbagg makes one after every row, of which most may not be wanted."""
    import numbagg

    found: FloatArray = numbagg.move_covmatrix(rows, window=window)
    return found[window + every - 1 :: every][-KEPT:]


def multiply_rows(rows: FloatArray, every: int, out: FloatArray) -> None:
    """Do what nobody can do without: multiply each row once, by BLAS, and write each matrix."""
    comoment = rows.T @ rows
    for _ in range(len(rows) // every):
        np.multiply(comoment, 1e-3, out=out)
