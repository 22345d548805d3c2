"""Fused multiply-adds have the same bits on a processor that has no instruction for them."""

import os
import subprocess
import sys

import numpy as np

from stats.comoments import add_products, padded_columns, triangle_size
from stats.covariance import write_covariance

N = 21
OLD = {"NUMBA_CPU_NAME": "sandybridge", "NUMBA_CPU_FEATURES": "+avx,-fma"}


def compute() -> bytes:
    rows = np.random.default_rng(5).normal(0, 1e-3, (12, padded_columns(N)))
    triangles = np.zeros((2, triangle_size(N)))
    add_products(rows, 0, 7, N, triangles, -1, 0)
    add_products(rows, 3, 9, N, triangles, 0, 1)
    covariance = np.zeros((N, N))
    write_covariance(triangles, 0, 1, rows, (0, 2, 9, 11, -1, 11), True, 0.1, covariance)
    return triangles.tobytes() + covariance.tobytes()


def test_bits_do_not_depend_on_the_processor():
    code = f"import sys; from {__name__} import compute; sys.stdout.buffer.write(compute())"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | OLD | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        timeout=300,
    )
    assert found.stdout == compute()


def test_a_product_is_rounded_once_with_its_sum():
    rows, triangles = np.zeros((1, 8)), np.zeros((1, triangle_size(1)))
    x = 1.0 + 2.0**-30
    rows[0, 0], triangles[0, 0] = x, -(1.0 + 2.0**-29)
    add_products(rows, 0, 1, 1, triangles, 0, 0)
    # x * x is 1 + 2**-29 + 2**-60, of which a rounded product keeps no 2**-60.
    assert triangles[0, 0] == 2.0**-60
