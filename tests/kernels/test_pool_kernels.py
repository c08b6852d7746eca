"""Pooling kernels: values, indices and gradients against torch; edge cases by hand."""

from __future__ import annotations

from math import prod

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import pool as K
from rushlight.kernels._window import pool_output_size

# input, kernel, stride, padding, dilation, ceil_mode
MAX_CASES = [
    ((64, 6, 24, 24), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 3, 28, 28), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 3, 7, 9), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 3, 7, 9), (2, 2), (2, 2), (0, 0), (1, 1), True),
    ((2, 3, 8, 8), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((2, 3, 8, 9), (3, 2), (1, 2), (1, 1), (1, 1), True),
    ((2, 3, 9, 9), (3, 3), (2, 1), (1, 1), (2, 2), False),
    ((2, 3, 9, 9), (3, 3), (3, 3), (0, 1), (2, 3), True),
    ((1, 2, 5, 5), (5, 5), (1, 1), (2, 2), (1, 1), False),
    ((1, 1, 20, 20), (17, 17), (1, 1), (0, 0), (1, 1), False),
    ((0, 3, 8, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 3, 11), (3,), (2,), (1,), (2,), True),
    ((2, 2, 6, 5, 7), (2, 3, 2), (2, 1, 2), (1, 1, 0), (1, 2, 1), True),
]
AVG_CASES = [c for c in MAX_CASES if set(c[4]) == {1}]
ADAPTIVE_CASES = [
    ((2, 3, 7, 7), (1, 1)),
    ((2, 3, 7, 9), (3, 4)),
    ((2, 3, 4, 5), (6, 5)),
    ((0, 3, 4, 5), (2, 2)),
    ((2, 3, 10), (4,)),
    ((2, 2, 4, 6, 5), (2, 3, 4)),
]


def window(case):
    return dict(zip(("kernel", "stride", "padding", "dilation"), case[1:5], strict=True))


def values(shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def functional(torch, name, case):
    return getattr(torch.nn.functional, f"{name}{len(case[0]) - 2}d")


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize("case", MAX_CASES, ids=str)
def test_max_pool_equals_torch(case, ties, dtype):
    torch = pytest.importorskip("torch")
    x = values(case[0], dtype)
    if ties:
        x = np.round(x)
    tx = torch.tensor(x, requires_grad=True)
    ty, ti = functional(torch, "max_pool", case)(tx, *case[1:], return_indices=True)
    y, offsets = K.max_pool(x, **window(case), ceil_mode=case[5])
    np.testing.assert_array_equal(y, ty.detach().numpy())
    indices = K.max_pool_indices(offsets, input_size=x.shape[2:], **window(case))
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(indices, ti.numpy())

    g = values(y.shape, dtype, seed=1)
    ty.backward(torch.tensor(g))
    gx = K.max_pool_grad(g, offsets, input_shape=x.shape, **window(case))
    assert gx.dtype == dtype
    np.testing.assert_allclose(gx, tx.grad.numpy(), rtol=0, atol=2e-6)
    np.testing.assert_allclose(
        K.scatter_planes(g, indices, input_shape=x.shape), tx.grad.numpy(), rtol=0, atol=2e-6
    )
    np.testing.assert_array_equal(K.max_pool_take(x, offsets, **window(case)), y)
    np.testing.assert_array_equal(K.take_planes(x, indices), y)


@pytest.mark.parametrize("case", [MAX_CASES[1], MAX_CASES[4], MAX_CASES[7]], ids=str)
@pytest.mark.parametrize("special", [np.nan, -np.inf, np.inf])
def test_max_pool_special_values(case, special):
    torch = pytest.importorskip("torch")
    x = values(case[0])
    x[np.random.default_rng(2).random(x.shape) < 0.5] = special
    ty, ti = functional(torch, "max_pool", case)(torch.tensor(x), *case[1:], return_indices=True)
    y, offsets = K.max_pool(x, **window(case), ceil_mode=case[5])
    np.testing.assert_array_equal(y, ty.numpy())
    indices = K.max_pool_indices(offsets, input_size=x.shape[2:], **window(case))
    np.testing.assert_array_equal(indices, ti.numpy())


def test_max_pool_of_minus_infinity_never_points_outside():
    x = np.full((1, 1, 4, 4), -np.inf, dtype=np.float32)
    opts = {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1), "dilation": (1, 1)}
    y, offsets = K.max_pool(x, **opts, ceil_mode=False)
    indices = K.max_pool_indices(offsets, input_size=(4, 4), **opts)
    assert np.isneginf(y).all()
    np.testing.assert_array_equal(indices[0, 0], [[0, 1], [4, 5]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, ml_dtypes.bfloat16], ids=str)
def test_max_pool_other_types(dtype):
    x = np.random.default_rng(0).integers(0, 200, (2, 3, 9, 9)).astype(dtype)
    opts = {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1), "dilation": (1, 1)}
    y, offsets = K.max_pool(x, **opts, ceil_mode=True)
    want, want_offsets = K.max_pool(x.astype(np.float64), **opts, ceil_mode=True)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.astype(np.float64), want)
    np.testing.assert_array_equal(offsets, want_offsets)


def test_large_windows_use_wider_offsets():
    opts = {"kernel": (17, 17), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
    x = np.arange(20.0 * 20).reshape(1, 1, 20, 20)
    _, offsets = K.max_pool(x, **opts, ceil_mode=False)
    assert (offsets == 17 * 17 - 1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("include", [True, False], ids=["with-pad", "without-pad"])
@pytest.mark.parametrize("divisor", [None, 3], ids=["mean", "divisor"])
@pytest.mark.parametrize("case", AVG_CASES, ids=str)
def test_avg_pool_equals_torch(case, include, divisor, dtype):
    torch = pytest.importorskip("torch")
    if len(case[0]) == 3 and divisor:
        pytest.skip("torch's avg_pool1d has no divisor_override")
    x = values(case[0], dtype)
    tx = torch.tensor(x, requires_grad=True)
    extra = (divisor,) if len(case[0]) > 3 else ()
    ty = functional(torch, "avg_pool", case)(tx, *case[1:4], case[5], include, *extra)
    opts = {"kernel": case[1], "stride": case[2], "padding": case[3]}
    opts |= {"count_include_pad": include, "divisor_override": divisor}
    y = K.avg_pool(x, **opts, ceil_mode=case[5])
    assert y.dtype == dtype
    np.testing.assert_allclose(y, ty.detach().numpy(), rtol=0, atol=2e-6)
    g = values(y.shape, dtype, seed=1)
    ty.backward(torch.tensor(g))
    gx = K.avg_pool_grad(g, input_shape=x.shape, **opts)
    np.testing.assert_allclose(gx, tx.grad.numpy(), rtol=0, atol=3e-6)


def test_avg_pool_integers_divide_towards_zero():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(-9, 9, (1, 2, 6, 6))
    y = K.avg_pool(
        x,
        kernel=(2, 2),
        stride=(2, 2),
        padding=(0, 0),
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    )
    np.testing.assert_array_equal(y, torch.nn.functional.avg_pool2d(torch.tensor(x), 2).numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("case", ADAPTIVE_CASES, ids=str)
def test_adaptive_pools_equal_torch(case, dtype):
    torch = pytest.importorskip("torch")
    x = values(case[0], dtype)
    tx = torch.tensor(x, requires_grad=True)
    ty = functional(torch, "adaptive_avg_pool", case)(tx, case[1])
    y = K.adaptive_avg_pool(x, output_size=case[1])
    np.testing.assert_allclose(y, ty.detach().numpy(), rtol=0, atol=1e-6)
    g = values(y.shape, dtype, seed=1)
    ty.backward(torch.tensor(g))
    gx = K.adaptive_avg_pool_grad(g, input_shape=x.shape)
    np.testing.assert_allclose(gx, tx.grad.numpy(), rtol=0, atol=1e-6)

    ty, ti = functional(torch, "adaptive_max_pool", case)(tx, case[1], return_indices=True)
    y, indices = K.adaptive_max_pool(x, output_size=case[1])
    np.testing.assert_array_equal(y, ty.detach().numpy())
    np.testing.assert_array_equal(indices, ti.numpy())


def test_adaptive_max_pool_with_nan():
    torch = pytest.importorskip("torch")
    x = values((2, 3, 7, 7))
    x[np.random.default_rng(2).random(x.shape) < 0.1] = np.nan
    ty, ti = torch.nn.functional.adaptive_max_pool2d(torch.tensor(x), (3, 3), return_indices=True)
    y, indices = K.adaptive_max_pool(x, output_size=(3, 3))
    np.testing.assert_array_equal(y, ty.numpy())
    np.testing.assert_array_equal(indices, ti.numpy())


@pytest.mark.parametrize("case", [MAX_CASES[1], MAX_CASES[11], MAX_CASES[12]], ids=str)
def test_max_unpool_inverts(case):
    x = values(case[0])
    y, offsets = K.max_pool(x, **window(case), ceil_mode=case[5])
    indices = K.max_pool_indices(offsets, input_size=x.shape[2:], **window(case))
    back = K.max_unpool(y, indices, output_size=x.shape[2:])
    assert back.shape == x.shape
    np.testing.assert_array_equal(K.take_planes(back, indices), y)
    assert np.count_nonzero(back) <= y.size


@pytest.mark.parametrize("wrong", [16, -1])
def test_max_unpool_rejects_indices_outside(wrong):
    with pytest.raises(RuntimeError, match=rf"invalid max index: {wrong} .*4x4"):
        K.max_unpool(np.ones((1, 1, 1, 1)), np.full((1, 1, 1, 1), wrong), output_size=(4, 4))


@pytest.mark.parametrize("case", MAX_CASES, ids=str)
def test_strided_inputs(case):
    x = values(case[0])
    y, offsets = K.max_pool(x, **window(case), ceil_mode=case[5])
    y2, offsets2 = K.max_pool(np.asfortranarray(x), **window(case), ceil_mode=case[5])
    np.testing.assert_array_equal(y, y2)
    np.testing.assert_array_equal(offsets, offsets2)
    gx = K.max_pool_grad(y, offsets, input_shape=x.shape, **window(case))
    gx2 = K.max_pool_grad(np.asfortranarray(y), offsets2, input_shape=x.shape, **window(case))
    np.testing.assert_allclose(gx, gx2, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_output_size_counts_windows_that_start_inside(ceil_mode):
    for n, k, s, p in [(5, 2, 2, 0), (5, 2, 2, 1), (4, 3, 3, 1), (7, 3, 5, 1), (3, 3, 4, 1)]:
        (out,) = pool_output_size((n,), (k,), (s,), (p,), (1,), ceil_mode)
        starts = [o * s - p for o in range(out)]
        assert starts[-1] < n
        assert starts[-1] + k <= n + p or ceil_mode
        assert prod((len(starts),)) == out
