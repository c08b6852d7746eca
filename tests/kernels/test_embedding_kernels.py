"""Embedding kernels against torch; the gradient's row sums and its options."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import embedding as K

SHAPES = [
    ((7,), 5, 3),
    ((4, 9), 20, 8),
    ((3, 2, 5), 6, 1),
    ((0,), 4, 3),
    ((), 4, 3),
    ((700,), 50, 64),
]


def data(shape, rows, width, dtype=np.float32):
    rng = np.random.default_rng(0)
    index = np.asarray(rng.integers(0, rows, shape))
    w = rng.standard_normal((rows, width)).astype(dtype)
    return w, index, rng.standard_normal((*shape, width)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("padding_idx", [None, 0, 3])
@pytest.mark.parametrize("by_freq", [False, True])
@pytest.mark.parametrize(("shape", "rows", "width"), SHAPES, ids=str)
def test_equals_torch(shape, rows, width, by_freq, padding_idx, dtype):
    torch = pytest.importorskip("torch")
    w, index, g = data(shape, rows, width, dtype)
    tw = torch.tensor(w, requires_grad=True)
    ty = torch.nn.functional.embedding(
        torch.tensor(index), tw, padding_idx, scale_grad_by_freq=by_freq
    )
    ty.backward(torch.tensor(g))
    np.testing.assert_array_equal(K.embedding(w, index), ty.detach().numpy())
    gw = K.embedding_grad(g, index, rows=rows, padding_idx=padding_idx, scale_grad_by_freq=by_freq)
    assert gw.dtype == dtype
    np.testing.assert_allclose(gw, tw.grad.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("wrong", [-1, 5])
def test_index_out_of_range(wrong):
    with pytest.raises(IndexError, match="index out of range in self"):
        K.embedding(np.zeros((5, 2), dtype=np.float32), np.array([0, wrong]))


def test_gradient_sums_half_in_float32():
    index = np.zeros(5000, dtype=np.int64)
    g = np.ones((5000, 2), dtype=ml_dtypes.bfloat16)
    gw = K.embedding_grad(g, index, rows=2, padding_idx=None, scale_grad_by_freq=False)
    assert gw.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(gw.astype(np.float32), [[4992, 4992], [0, 0]])


def test_int32_and_strided_indices():
    w, index, g = data((6, 8), 10, 4)
    narrow = np.asfortranarray(index.astype(np.int32))
    np.testing.assert_array_equal(K.embedding(w, narrow), K.embedding(w, index))
    opts = {"rows": 10, "padding_idx": None, "scale_grad_by_freq": False}
    np.testing.assert_allclose(
        K.embedding_grad(np.asfortranarray(g), narrow, **opts),
        K.embedding_grad(g, index, **opts),
        rtol=0,
        atol=1e-5,
    )
