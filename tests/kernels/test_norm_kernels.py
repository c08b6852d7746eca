"""Normalisation kernels: values and gradients against torch in float64, and their accuracy."""

from __future__ import annotations

import functools

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import norm as K

EPS = 1e-5
BATCH_SHAPES = [(8, 3), (4, 5, 7), (2, 6, 5, 5), (32, 64, 9, 9), (3, 16, 8, 8), (2, 3, 2, 3, 4)]
LAYER_SHAPES = [
    ((4, 8), 1),
    ((2, 3, 33), 1),
    ((2, 3, 4), 2),
    ((5, 128), 1),
    ((3, 1), 1),
    ((0, 8), 1),
]
GROUP_SHAPES = [
    ((2, 6, 5, 5), 3),
    ((2, 6, 5, 5), 6),
    ((2, 6, 5, 5), 1),
    ((3, 4, 7), 2),
    ((4, 8), 4),
    ((3, 8, 9, 11), 4),
    ((2, 5, 64, 70), 5),
]


def arrays(shape, channels, dtype, *, affine=True, seed=0):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(shape) * 2 + 3).astype(dtype)
    g = rng.standard_normal(shape).astype(dtype)
    if not affine:
        return x, g, None, None
    return (x, g, *(rng.standard_normal(channels).astype(dtype) for _ in range(2)))


def tensors(torch, *values):
    return [
        None if v is None else torch.tensor(v, dtype=torch.float64, requires_grad=True)
        for v in values
    ]


def check(got, want, dtype, scale=1.0):
    for a, b in zip(got, want, strict=True):
        if b is None:
            continue
        b = b.detach().numpy()
        size = max(scale, np.abs(b).max(initial=0))
        tolerance = 4e-6 * size if dtype == np.float32 else 1e-11
        np.testing.assert_allclose(a.reshape(b.shape), b, rtol=0, atol=tolerance)
        assert a.dtype == dtype


def grad(t):
    return None if t is None else t.grad


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize("shape", BATCH_SHAPES, ids=str)
def test_batch_norm(shape, affine, dtype):
    torch = pytest.importorskip("torch")
    x, g, w, b = arrays(shape, shape[1], dtype, affine=affine)
    tx, tw, tb = tensors(torch, x, w, b)
    running = torch.zeros(shape[1], dtype=torch.float64), torch.ones(shape[1], dtype=torch.float64)
    ty = torch.nn.functional.batch_norm(tx, *running, tw, tb, True, 1.0, EPS)
    ty.backward(torch.tensor(g, dtype=torch.float64))
    y, mean, rstd, var = K.batch_norm(x, w, b, eps=EPS)
    count = x.size // shape[1]
    check((y, mean, var * count / (count - 1)), (ty, *running), dtype)
    np.testing.assert_allclose(rstd, 1 / np.sqrt(var + EPS), rtol=1e-6)
    got = K.batch_norm_grad(g, x, w, mean, rstd, training=True)
    check(got, (tx.grad, grad(tw), grad(tb)), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize("shape", BATCH_SHAPES, ids=str)
def test_batch_norm_eval(shape, affine, dtype):
    torch = pytest.importorskip("torch")
    x, g, w, b = arrays(shape, shape[1], dtype, affine=affine)
    mean, var = arrays((2, shape[1]), 1, dtype, affine=False, seed=3)[0]
    var = np.abs(var)
    tx, tw, tb = tensors(torch, x, w, b)
    running = [torch.tensor(v, dtype=torch.float64) for v in (mean, var)]
    ty = torch.nn.functional.batch_norm(tx, *running, tw, tb, False, 0.1, EPS)
    ty.backward(torch.tensor(g, dtype=torch.float64))
    check((K.batch_norm_eval(x, w, b, mean, var, eps=EPS),), (ty,), dtype)
    rstd = 1 / np.sqrt(var + dtype(EPS))
    got = K.batch_norm_grad(g, x, w, mean, rstd, training=False)
    check(got, (tx.grad, grad(tw), grad(tb)), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize(("shape", "axes"), LAYER_SHAPES, ids=str)
def test_layer_norm(shape, axes, affine, dtype):
    torch = pytest.importorskip("torch")
    inner = shape[len(shape) - axes :]
    x, g, w, b = arrays(shape, inner, dtype, affine=affine)
    tx, tw, tb = tensors(torch, x, w, b)
    ty = torch.nn.functional.layer_norm(tx, inner, tw, tb, EPS)
    ty.backward(torch.tensor(g, dtype=torch.float64))
    y, mean, rstd = K.layer_norm(x, w, b, axes=axes, eps=EPS)
    assert mean.shape == rstd.shape == shape[: len(shape) - axes] + (1,) * axes
    check((y,), (ty,), dtype)
    got = K.layer_norm_grad(g, x, w, mean, rstd, axes=axes)
    # Rounding errors of g are multiplied by rstd, which is large for a row of one element.
    check(got, (tx.grad, grad(tw), grad(tb)), dtype, scale=max(1.0, rstd.max(initial=0)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize(("shape", "groups"), GROUP_SHAPES, ids=str)
def test_group_norm(shape, groups, affine, dtype):
    torch = pytest.importorskip("torch")
    x, g, w, b = arrays(shape, shape[1], dtype, affine=affine)
    tx, tw, tb = tensors(torch, x, w, b)
    ty = torch.nn.functional.group_norm(tx, groups, tw, tb, EPS)
    ty.backward(torch.tensor(g, dtype=torch.float64))
    y, mean, rstd = K.group_norm(x, w, b, groups=groups, eps=EPS)
    assert mean.shape == rstd.shape == (shape[0], groups)
    check((y,), (ty,), dtype)
    got = K.group_norm_grad(g, x, w, mean, rstd, groups=groups)
    check(got, (tx.grad, grad(tw), grad(tb)), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize(("shape", "axes"), LAYER_SHAPES, ids=str)
def test_rms_norm(shape, axes, affine, dtype):
    torch = pytest.importorskip("torch")
    inner = shape[len(shape) - axes :]
    x, g, w, _ = arrays(shape, inner, dtype, affine=affine)
    tx, tw = tensors(torch, x, w)
    ty = torch.nn.functional.rms_norm(tx, inner, tw, EPS)
    ty.backward(torch.tensor(g, dtype=torch.float64))
    y, rstd = K.rms_norm(x, w, axes=axes, eps=EPS)
    check((y,), (ty,), dtype)
    check(K.rms_norm_grad(g, x, w, rstd, axes=axes), (tx.grad, grad(tw)), dtype)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"])
def test_half_inputs_keep_float32_statistics(dtype):
    x, g, w, b = arrays((4, 6, 5, 5), 6, dtype)
    wide = [v.astype(np.float32) for v in (x, g, w, b)]
    got, want = K.batch_norm(x, w, b, eps=EPS), K.batch_norm(wide[0], *wide[2:], eps=EPS)
    assert got[0].dtype == dtype
    assert got[1].dtype == got[2].dtype == np.float32
    np.testing.assert_array_equal(got[0], want[0].astype(dtype))
    grads = K.batch_norm_grad(g, x, w, got[1], got[2], training=True)
    assert {v.dtype for v in grads} == {np.dtype(dtype)}
    mixed = K.batch_norm_grad(g, x, wide[2], got[1], got[2], training=True)
    assert [v.dtype for v in mixed] == [dtype, np.float32, np.float32]
    y, mean, _ = K.layer_norm(x, None, None, axes=1, eps=EPS)
    assert (y.dtype, mean.dtype) == (dtype, np.float32)


def test_statistics_of_a_large_offset_batch_stay_accurate():
    """A plain float32 running sum would be off by 1e-3 here."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((256, 2, 32, 32)) + 30).astype(np.float32)
    _, mean, _, var = K.batch_norm(x, None, None, eps=EPS)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(axis=(0, 2, 3)), rtol=3e-7)
    np.testing.assert_allclose(var, exact.var(axis=(0, 2, 3)), rtol=3e-6)


@pytest.mark.parametrize("training", [True, False], ids=["training", "constant"])
@pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])
@pytest.mark.parametrize("shape", BATCH_SHAPES, ids=str)
def test_what_follows_batch_norm_is_taken_along_bit_by_bit(shape, affine, training):
    x, g, w, b = arrays(shape, shape[1], np.float32, affine=affine)
    y, mean, rstd, var = K.batch_norm(x, w, b, eps=EPS)
    z = np.maximum(y, 0)
    np.testing.assert_array_equal(K.batch_norm(x, w, b, eps=EPS, relu=True)[0], z)
    for got, want in zip(K.batch_norm_statistics(x, eps=EPS), (mean, rstd, var), strict=True):
        np.testing.assert_array_equal(got, want)
    apply = functools.partial(K.batch_norm_apply, x, w, b, mean, rstd)
    np.testing.assert_array_equal(apply(), y)
    np.testing.assert_array_equal(apply(relu=True), z)
    np.testing.assert_array_equal(apply(g), y + g)
    np.testing.assert_array_equal(apply(g, relu=True), np.maximum(y + g, 0))
    masked = np.where(z > 0, g, np.float32(0))
    for got, want in zip(
        K.batch_norm_grad(g, x, w, mean, rstd, z, training=training),
        K.batch_norm_grad(masked, x, w, mean, rstd, training=training),
        strict=True,
    ):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("shape", BATCH_SHAPES, ids=str)
def test_strided_inputs(shape):
    x, g, w, b = arrays(shape, shape[1], np.float32)
    y, mean, rstd, _ = K.batch_norm(x, w, b, eps=EPS)
    other = np.asfortranarray(x)
    np.testing.assert_allclose(K.batch_norm(other, w, b, eps=EPS)[0], y, rtol=0, atol=1e-5)
    for got, want in zip(
        K.batch_norm_grad(np.asfortranarray(g), other, w, mean, rstd, training=True),
        K.batch_norm_grad(g, x, w, mean, rstd, training=True),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("plane", [1 << 20, (1 << 20) + 3])
def test_results_larger_than_the_cache(plane):
    """They are stored past it, where planes are whole vectors."""
    rng = np.random.default_rng(0)
    x, g = (rng.standard_normal((2, 4, plane), np.float32) for _ in range(2))
    w, b = (rng.standard_normal(4, np.float32) for _ in range(2))
    y, mean, rstd, _ = K.batch_norm(x, w, b, eps=EPS)
    gx, _, _ = K.batch_norm_grad(g, x, w, mean, rstd, training=True)
    standard = (x - mean[:, None]) * rstd[:, None]
    np.testing.assert_allclose(y, standard * w[:, None] + b[:, None], rtol=0, atol=1e-5)
    shift, along = ((v * g).mean((0, 2))[:, None] for v in (1, standard))
    slope = (g - shift - standard * along) * (w * rstd)[:, None]
    np.testing.assert_allclose(gx, slope, rtol=0, atol=1e-5)
