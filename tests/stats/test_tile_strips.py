"""Fused multiply-adds have the same bits on a processor that has no instruction for them."""

import numpy as np

from stats.comoments import add_products, padded_columns, triangle_size
from stats.covariance import write_covariance
from tests.processors import compute_on_an_old_processor

N = 21


def compute() -> bytes:
    rows = np.random.default_rng(5).normal(0, 1e-3, (12, padded_columns(N)))
    triangles = np.zeros((3, triangle_size(N)))
    add_products(rows, 0, 7, N, triangles, -1, 0)
    add_products(rows, 3, 9, N, triangles, 0, 1)
    covariance = np.zeros((N, N))
    write_covariance(triangles, 0, 1, rows, (0, 1, 2, 9, 11, -1, 11), True, 0.1, covariance)
    return triangles.tobytes() + covariance.tobytes()


def test_bits_do_not_depend_on_the_processor():
    assert compute_on_an_old_processor(__name__) == compute()


def test_a_product_is_rounded_once_with_its_sum():
    rows, triangles = np.zeros((1, 8)), np.zeros((1, triangle_size(1)))
    x = 1.0 + 2.0**-30
    rows[0, 0], triangles[0, 0] = x, -(1.0 + 2.0**-29)
    add_products(rows, 0, 1, 1, triangles, 0, 0)
    # x * x is 1 + 2**-29 + 2**-60, of which a rounded product keeps no 2**-60.
    assert triangles[0, 0] == 2.0**-60
