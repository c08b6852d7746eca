"""Softmax kernels against torch, along every axis and for awkward rows."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import softmax as K

CASES = [
    ((5,), 0),
    ((4, 10), 1),
    ((4, 10), -1),
    ((4, 10), 0),
    ((2, 3, 17), 1),
    ((3, 65), 1),
    ((700, 33), 1),
    ((2, 1), 1),
    ((2, 3, 4, 5), 1),
    ((2, 3, 4, 5), -1),
    ((), 0),
    ((), -1),
    ((0, 5), 1),
    ((5, 0), 1),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(("shape", "axis"), CASES, ids=str)
def test_equals_torch(name, shape, axis, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = np.asarray(rng.standard_normal(shape) * 5, dtype=dtype)
    g = np.asarray(rng.standard_normal(shape), dtype=dtype)
    tx = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    ty = getattr(torch, name)(tx, axis)
    ty.backward(torch.tensor(g, dtype=torch.float64))
    y = getattr(K, name)(x, axis=axis)
    gx = getattr(K, name + "_grad")(g, y, axis=axis)
    tolerance = 3e-6 if dtype == np.float32 else 1e-13
    for got, want in ((y, ty.detach()), (gx, tx.grad)):
        assert got.dtype == dtype
        assert got.shape == shape
        np.testing.assert_allclose(got, want.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_awkward_rows(name, dtype):
    torch = pytest.importorskip("torch")
    inf, nan = np.inf, np.nan
    rows = [
        [1e30, 0, -1e30, 1],
        [-inf, 0, 1, -inf],
        [-inf, -inf, -inf, -inf],
        [inf, 0, 1, 2],
        [nan, 0, 1, 2],
        [0, 1, 2, nan],
        [1000, 1001, 1002, 1003],
        [-90, 0, -100, -104],
        [0, 0, 0, 0],
    ]
    x = np.tile(np.array(rows, dtype=dtype), (1, 5))
    want = getattr(torch, name)(torch.tensor(x), 1).numpy()
    np.testing.assert_allclose(getattr(K, name)(x, axis=1), want, rtol=2e-6, atol=1e-38)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"])
def test_half_is_rounded_once(dtype):
    x = np.random.default_rng(0).standard_normal((6, 40)).astype(dtype)
    for name in ("softmax", "log_softmax"):
        kernel = getattr(K, name)
        y = kernel(x, axis=1)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, kernel(x.astype(np.float32), axis=1).astype(dtype))


def test_rows_sum_to_one_and_logarithm_agrees():
    x = np.random.default_rng(0).standard_normal((8, 1000)).astype(np.float32) * 3
    y = K.softmax(x, axis=1)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=2e-6)
    np.testing.assert_allclose(np.log(y), K.log_softmax(x, axis=1), rtol=0, atol=3e-6)


def test_strided_inputs():
    x = np.random.default_rng(0).standard_normal((12, 20)).astype(np.float32)
    for name in ("softmax", "log_softmax"):
        kernel, gradient = getattr(K, name), getattr(K, name + "_grad")
        y = kernel(x, axis=1)
        np.testing.assert_allclose(kernel(np.asfortranarray(x), axis=1), y, rtol=1e-6)
        np.testing.assert_allclose(kernel(x[::2, ::3], axis=1), kernel(x[::2, ::3].copy(), axis=1))
        np.testing.assert_allclose(
            gradient(np.asfortranarray(x), np.asfortranarray(y), axis=1),
            gradient(x, y, axis=1),
            rtol=1e-5,
            atol=1e-6,
        )
