"""Convolution kernels: values against torch, adjointness, every path against the reference."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import conv as K
from rushlight.kernels._window import conv_output_size

# input, weight, stride, padding, dilation, groups
CASES = [
    ((2, 3, 7), (4, 3, 3), (1,), (0,), (1,), 1),
    ((2, 4, 9), (6, 2, 3), (2,), (2,), (2,), 2),
    ((64, 1, 28, 28), (6, 1, 5, 5), (1, 1), (0, 0), (1, 1), 1),
    ((3, 1, 28, 28), (6, 1, 5, 5), (1, 1), (2, 2), (1, 1), 1),
    ((5, 6, 12, 12), (16, 6, 5, 5), (1, 1), (0, 0), (1, 1), 1),
    ((5, 6, 14, 14), (16, 6, 5, 5), (1, 1), (0, 0), (1, 1), 1),
    ((3, 1, 28, 28), (1, 1, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, 9, 11), (5, 3, 3, 2), (2, 1), (1, 0), (1, 2), 1),
    ((2, 3, 8, 8), (7, 3, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, 8, 7), (7, 3, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    ((2, 5, 6, 6), (9, 5, 1, 1), (1, 1), (1, 1), (1, 1), 1),
    ((2, 6, 8, 9), (6, 1, 3, 3), (1, 1), (1, 1), (1, 1), 6),
    ((2, 6, 9, 9), (12, 1, 3, 3), (2, 2), (1, 1), (1, 1), 6),
    ((2, 8, 7, 7), (4, 4, 3, 3), (1, 1), (1, 1), (1, 1), 2),
    ((2, 16, 8, 8), (32, 16, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 17, 9, 7), (33, 17, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    ((3, 8, 7, 7), (16, 4, 3, 3), (1, 1), (1, 1), (1, 1), 2),
    ((2, 64, 8, 8), (128, 64, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((40, 96, 4, 4), (96, 96, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    # Enough channels and tiles for the minimal algorithm: odd sizes, each padding, tiny images.
    ((3, 40, 9, 13), (50, 40, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((5, 64, 8, 9), (33, 64, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    ((1, 33, 30, 21), (70, 33, 3, 3), (1, 1), (2, 1), (1, 1), 1),
    ((70, 32, 2, 2), (32, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((66, 32, 1, 1), (34, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 6, 9, 7), (12, 3, 3, 3), (2, 2), (1, 1), (1, 1), 2),
    ((1, 6, 40, 50), (10, 6, 3, 5), (1, 1), (1, 2), (1, 1), 1),
    ((1, 3, 20, 20), (8, 3, 7, 7), (2, 2), (3, 3), (1, 1), 1),
    ((2, 3, 5, 5), (4, 3, 5, 5), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, 3, 3), (4, 3, 2, 2), (5, 5), (4, 4), (1, 1), 1),
    # Depthwise with a channel in each lane: incomplete vectors, strides, dilation, windows
    # that leave pixels out or reach far beyond the image.
    ((3, 19, 8, 8), (19, 1, 3, 3), (1, 1), (1, 1), (1, 1), 19),
    ((2, 16, 13, 11), (16, 1, 3, 3), (2, 2), (1, 1), (1, 1), 16),
    ((2, 21, 9, 14), (21, 1, 5, 2), (3, 2), (2, 0), (1, 3), 21),
    ((5, 17, 6, 5), (17, 1, 4, 4), (1, 1), (3, 3), (1, 1), 17),
    ((2, 32, 20), (32, 1, 3), (2,), (1,), (2,), 32),
    # 1x1 windows with strides, and as one product over all images.
    ((3, 20, 9, 11), (24, 20, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    ((2, 18, 10, 40), (16, 9, 1, 1), (3, 2), (0, 0), (1, 1), 2),
    ((4, 20, 5, 6), (17, 20, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 4, 41), (5, 4, 1), (4,), (0,), (1,), 1),
    ((0, 3, 6, 6), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 2, 5, 6, 4), (3, 2, 3, 2, 2), (1, 2, 1), (1, 0, 1), (1, 1, 2), 1),
]
IDS = ["x".join(map(str, c[0])) + "-" + "x".join(map(str, c[1])) for c in CASES]


def options(case):
    return dict(zip(("stride", "padding", "dilation", "groups"), case[2:], strict=True))


def inputs(case, dtype=np.float32):
    rng = np.random.default_rng(0)
    out = conv_output_size(case[0][2:], case[1][2:], *case[2:5])
    shapes = (case[0], case[1], (case[1][0],), (case[0][0], case[1][0], *out))
    return tuple(rng.standard_normal(s).astype(dtype) for s in shapes)


def close(got, want, scale=None, tolerance=2e-6):
    assert got.shape == tuple(want.shape)
    size = np.abs(want).max(initial=0) if scale is None else scale
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * max(1.0, float(size)))


def all_three(x, w, b, g, **opts):
    return (
        K.conv(x, w, b, **opts),
        K.conv_grad_input(g, w, input_shape=x.shape, **opts),
        K.conv_grad_weight(g, x, weight_shape=w.shape, **opts),
        K.conv_grad_bias(g),
    )


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_equals_torch(case, dtype):
    torch = pytest.importorskip("torch")
    x, w, b, g = inputs(case, dtype)
    exact = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (x, w, b)]
    conv = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}[len(case[2])]
    y = conv(*exact, *case[2:])
    y.backward(torch.tensor(g, dtype=torch.float64))
    want = [y.detach().numpy(), *(v.grad.numpy() for v in exact)]
    tolerance = 3e-6 if dtype == np.float32 else 1e-13
    for got, expected in zip(all_three(x, w, b, g, **options(case)), want, strict=True):
        assert got.dtype == dtype
        close(got, expected, tolerance=tolerance)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_float64_gradients_are_adjoint(case):
    """<g, conv(x, w)> is linear in each of x and w, so both gradients give the same number."""
    x, w, _, g = inputs(case, np.float64)
    opts = options(case)
    value = (g * K.conv(x, w, **opts)).sum()
    gx = K.conv_grad_input(g, w, input_shape=x.shape, **opts)
    gw = K.conv_grad_weight(g, x, weight_shape=w.shape, **opts)
    assert (gx * x).sum() == pytest.approx(value, rel=1e-11, abs=1e-11)
    assert (gw * w).sum() == pytest.approx(value, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_float32_equals_float64(case):
    """Whatever path float32 takes, it computes what the float64 reference computes."""
    arrays = inputs(case)
    wide = all_three(*(a.astype(np.float64) for a in arrays), **options(case))
    for got, want in zip(all_three(*arrays, **options(case)), wide, strict=True):
        close(got, want, tolerance=3e-6)


@pytest.mark.parametrize("case", CASES[2:8] + CASES[15:21], ids=str)
def test_relu_epilogue(case):
    x, w, b, _ = inputs(case)
    opts = options(case)
    close(K.conv_relu(x, w, b, **opts), np.maximum(K.conv(x, w, b, **opts), 0))
    close(K.conv_relu(x, w, None, **opts), np.maximum(K.conv(x, w, None, **opts), 0))


def test_relu_epilogue_keeps_nan():
    x = np.full((1, 1, 6, 6), np.nan, dtype=np.float32)
    w = np.ones((1, 1, 3, 3), dtype=np.float32)
    y = K.conv_relu(x, w, None, stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1)
    assert np.isnan(y).all()


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16], ids=["float16", "bfloat16"])
def test_half_is_rounded_once(dtype):
    case = CASES[15]
    arrays = inputs(case, dtype)
    wide = all_three(*(a.astype(np.float32) for a in arrays), **options(case))
    for got, want in zip(all_three(*arrays, **options(case)), wide, strict=True):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, want.astype(dtype))


@pytest.mark.parametrize("case", CASES[2:8] + CASES[12:20], ids=str)
def test_strided_inputs(case):
    x, w, b, g = inputs(case)
    want = all_three(x, w, b, g, **options(case))
    last = np.asfortranarray
    for got, expected in zip(
        all_three(last(x), last(w), b, last(g), **options(case)), want, strict=True
    ):
        close(got, expected)
    mirrored = x[:, :, ::-1].copy()[:, :, ::-1]
    close(K.conv(mirrored, w, b, **options(case)), want[0])


def test_integers():
    x = np.arange(50).reshape(1, 2, 5, 5)
    w = np.arange(18).reshape(1, 2, 3, 3) - 9
    opts = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    y = K.conv(x, w, **opts)
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, K.conv(x.astype(float), w.astype(float), **opts))


def test_columns_are_made_in_batches(monkeypatch):
    """A batch whose columns exceed the limit is worked off in parts, with the same result."""
    arrays = inputs(CASES[9], np.float64)
    whole = all_three(*arrays, **options(CASES[9]))
    monkeypatch.setattr(K, "_COLUMN_ELEMENTS", 1)
    for got, want in zip(all_three(*arrays, **options(CASES[9])), whole, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_inputs_are_not_changed():
    arrays = inputs(CASES[4])
    before = [a.copy() for a in arrays]
    all_three(*arrays, **options(CASES[4]))
    for now, then in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(now, then)
