"""Resampling kernels against torch's interpolate, forward and backward."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from rushlight.kernels import resize as K

TORCH_MODES = {
    "nearest": {1: "nearest", 2: "nearest", 3: "nearest"},
    "nearest-exact": {1: "nearest-exact", 2: "nearest-exact", 3: "nearest-exact"},
    "linear": {1: "linear", 2: "bilinear", 3: "trilinear"},
    "cubic": {2: "bicubic"},
}
SIZES = [
    ((2, 3, 5), (8,)),
    ((2, 3, 9), (4,)),
    ((2, 3, 5, 7), (10, 14)),
    ((2, 3, 5, 7), (3, 4)),
    ((1, 2, 28, 28), (32, 32)),
    ((1, 2, 13, 11), (7, 25)),
    ((1, 1, 1, 1), (3, 4)),
    ((1, 1, 4, 4), (1, 1)),
    ((1, 3, 6, 6), (6, 6)),
    ((0, 3, 6, 6), (4, 4)),
    ((1, 2, 3, 4, 5), (6, 3, 7)),
]
PLAIN = [
    (shape, size, mode, corners)
    for shape, size in SIZES
    for mode, names in TORCH_MODES.items()
    for corners in ((False,) if mode.startswith("nearest") else (False, True))
    if len(size) in names
]


def compare(torch, shape, size, mode, dtype, **options):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(dtype)
    g = rng.standard_normal((*shape[:2], *size)).astype(dtype)
    named = {} if mode.startswith("nearest") else {"align_corners": options["align_corners"]}
    if options.get("antialias"):
        named["antialias"] = True
    tx = torch.tensor(x, requires_grad=True)
    ty = torch.nn.functional.interpolate(tx, size, mode=TORCH_MODES[mode][len(size)], **named)
    ty.backward(torch.tensor(g))
    tolerance = 5e-6 if dtype == np.float32 else 1e-12
    y = K.resize(x, size=size, mode=mode, **options)
    gx = K.resize_grad(g, input_size=shape[2:], mode=mode, **options)
    for got, want in ((y, ty.detach()), (gx, tx.grad)):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, want.numpy(), rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(("shape", "size", "mode", "corners"), PLAIN, ids=str)
def test_equals_torch(shape, size, mode, corners, dtype):
    torch = pytest.importorskip("torch")
    if shape[0] == 0:
        x = np.zeros(shape, dtype=dtype)
        y = K.resize(x, size=size, mode=mode, align_corners=corners)
        assert y.shape == (*shape[:2], *size)
        return
    compare(torch, shape, size, mode, dtype, align_corners=corners)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize(
    ("shape", "size"), [s for s in SIZES if len(s[1]) == 2 and s[0][0] > 0], ids=str
)
def test_antialias_equals_torch(shape, size, mode, corners, dtype):
    torch = pytest.importorskip("torch")
    compare(torch, shape, size, mode, dtype, align_corners=corners, antialias=True)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "cubic"])
@pytest.mark.parametrize("factor", [2.0, 0.5, 1.7, 2.3])
def test_scale_factor_equals_torch(mode, factor):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((1, 2, 10, 13)).astype(np.float32)
    named = {} if mode.startswith("nearest") else {"align_corners": False}
    want = torch.nn.functional.interpolate(
        torch.tensor(x), scale_factor=factor, mode=TORCH_MODES[mode][2], **named
    ).numpy()
    y = K.resize(x, size=want.shape[2:], mode=mode, scales=(factor, factor))
    np.testing.assert_allclose(y, want, rtol=0, atol=5e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_nearest_picks_torch_s_pixel_for_every_size(dtype):
    torch = pytest.importorskip("torch")
    for n in range(1, 40):
        x = np.arange(n, dtype=dtype).reshape(1, 1, n)
        for out in range(1, 60, 3):
            for mode in ("nearest", "nearest-exact"):
                want = torch.nn.functional.interpolate(torch.tensor(x), out, mode=mode)
                np.testing.assert_array_equal(K.resize(x, size=(out,), mode=mode), want.numpy())


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_gradient_is_the_adjoint(mode):
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 2, 6, 9)), rng.standard_normal((2, 2, 11, 4))
    value = (K.resize(x, size=(11, 4), mode=mode) * g).sum()
    gx = K.resize_grad(g, input_size=(6, 9), mode=mode)
    assert (gx * x).sum() == pytest.approx(value, rel=1e-10)


def test_other_types():
    x = np.random.default_rng(0).integers(0, 255, (1, 3, 5, 5)).astype(np.uint8)
    y = K.resize(x, size=(9, 9), mode="nearest")
    assert y.dtype == np.uint8
    half = x.astype(ml_dtypes.bfloat16)
    y = K.resize(half, size=(9, 9), mode="linear")
    want = K.resize(half.astype(np.float32), size=(9, 9), mode="linear")
    np.testing.assert_array_equal(y, want.astype(ml_dtypes.bfloat16))
