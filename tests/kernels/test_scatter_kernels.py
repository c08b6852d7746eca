"""Adding at places: the native path against the reference, and both against a loop."""

from __future__ import annotations

import numpy as np
import pytest

from rushlight.kernels import reference_only, scatter as K

BOTH = pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])


@BOTH
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64])
@pytest.mark.parametrize(
    ("shape", "places", "dim"),
    [
        ((5,), (9,), 0),
        ((4, 3), (6, 3), 0),
        ((3, 4), (3, 7), 1),
        ((2, 3, 130), (2, 5, 130), 1),
        ((3, 4), (2, 2), 1),  # only some rows
        ((3, 2), (0, 2), 0),
    ],
)
def test_scatter_add(shape, places, dim, dtype, reference):
    rng = np.random.default_rng(0)
    x, v = ((8 * rng.standard_normal(s)).astype(dtype) for s in (shape, places))
    index = rng.integers(0, shape[dim], places)
    expected = x.astype(np.float64)
    for at in np.ndindex(places):
        to = (*at[:dim], index[at], *at[dim + 1 :])
        expected[to] += v[at]
    with reference_only(reference):
        y = K.scatter_add(x, index, v, dim=dim)
    assert y.dtype == dtype
    assert not np.shares_memory(x, y)
    np.testing.assert_allclose(y, expected, rtol=2e-3 if dtype == np.float16 else 1e-5)


@BOTH
def test_expanded_indices_and_values_of_any_layout(reference):
    index = np.broadcast_to(np.array([[2], [0], [2]]), (3, 40))
    v = np.asfortranarray(np.arange(120, dtype=np.float32).reshape(3, 40))
    with reference_only(reference):
        y = K.scatter_add(np.zeros((40, 3), np.float32).T, index, v, dim=0)
    np.testing.assert_array_equal(y, np.stack([v[1], 0 * v[0], v[0] + v[2]]))


@BOTH
def test_places_outside(reference):
    x, index = np.zeros((2, 3), np.float32), np.array([[0, 5, 1]])
    with reference_only(reference), pytest.raises((IndexError, ValueError)):
        K.scatter_add(x, index, np.ones((1, 3), np.float32), dim=0)
