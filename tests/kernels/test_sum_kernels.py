"""Sums over rows: the same numbers as in float64, errors that do not grow with the rows."""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.kernels.sums import add_reduce


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1000, 7), 0),
        ((1000, 7), (0,)),
        ((63, 40), 0),
        ((65, 40), 0),
        ((97, 33, 5), 0),
        ((40, 50, 6), (0, 1)),
        ((40, 50, 6), (0, 2)),
        ((40, 50, 6), (1,)),
        ((40, 50, 6), (0, 1, 2)),
        ((5000,), 0),
        ((5000,), None),
        ((700, 90), 1),
        ((700, 9), (1,)),
        ((2, 3, 70_001), (2,)),
        ((30, 20, 33), (1, 2)),
        ((300_000,), None),
        ((0, 3000), 0),
        ((3000, 0), 0),
    ],
)
def test_sums_are_those_of_numpy(shape, axes, keepdims):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y = add_reduce(x, axes, keepdims=keepdims)
    expected = x.sum(axis=axes, keepdims=keepdims, dtype=np.float64)
    assert y.shape == expected.shape
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("order", ["C", "F"])
def test_other_layouts_and_types(order):
    x = np.random.default_rng(0).normal(size=(1000, 8)).astype(np.float32, order=order)
    for each in (x, x[::-1], x[:, ::2], x.astype(np.float64)):
        np.testing.assert_allclose(add_reduce(each, 0), each.sum(0, dtype=np.float64), rtol=1e-4)


def test_the_error_does_not_grow_with_the_rows():
    x = np.random.default_rng(0).normal(10, 1, (60_000, 20)).astype(np.float32)
    exact = x.sum(0, dtype=np.float64)
    assert np.abs(add_reduce(x, 0) / exact - 1).max() < 1e-6  # one running sum: 1e-4
