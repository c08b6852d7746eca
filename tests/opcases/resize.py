"""Cases of `ops/resize.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, HALVES, Err, OpCase, S, lit

ALL_FLOATS = (*FLOATS, *HALVES)


def _nearest(x, scale_factor):
    for axis in range(2, x.ndim):
        at = np.floor(np.arange(int(x.shape[axis] * scale_factor)) / scale_factor).astype(int)
        x = np.take(x, at, axis)
    return x


def _matrix(size, out, align_corners, taps):
    """The weights (out, size) of a resampling filter along one axis."""
    w = np.zeros((out, size))
    for i in range(out):
        at = i * (size - 1) / max(out - 1, 1) if align_corners else (i + 0.5) * size / out - 0.5
        if taps == 2 and not align_corners:
            at = max(at, 0.0)
        low = int(np.floor(at))
        for j in range(low - taps // 2 + 1, low + taps // 2 + 1):
            d = abs(at - j)
            if taps == 2:
                v = max(1 - d, 0)
            else:
                v = (
                    (1.25 * d - 2.25) * d * d + 1
                    if d <= 1
                    else ((-0.75 * d + 3.75) * d - 6) * d + 3
                    if d < 2
                    else 0
                )
            w[i, min(max(j, 0), size - 1)] += v
    return w


def _filtered(x, size, mode, align_corners=False):
    sizes = (size,) * (x.ndim - 2) if isinstance(size, int) else size
    for axis, out in enumerate(sizes, start=2):
        w = _matrix(x.shape[axis], out, align_corners, 4 if mode == "bicubic" else 2)
        x = np.moveaxis(np.tensordot(w, x, (1, axis)), 0, axis)
    return x


def _area(x, size, mode):
    (_, _, h, w), (oh, ow) = x.shape, size
    return x.reshape(*x.shape[:2], oh, h // oh, ow, w // ow).mean((3, 5))


def _pixel_shuffle(x, r):
    *lead, c, h, w = x.shape
    y = x.reshape(-1, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(*lead, c // r**2, h * r, w * r)


def _pixel_unshuffle(x, r):
    *lead, c, h, w = x.shape
    y = x.reshape(-1, c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)
    return y.reshape(*lead, c * r**2, h // r, w // r)


F = "nn.functional."

CASES = [
    OpCase(
        F + "interpolate",
        [
            S((1, 2, 3), scale_factor=2),
            S((1, 1, 3, 4), scale_factor=1.5),
            S((1, 1, 2, 2, 2), scale_factor=2),
        ],
        _nearest,
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((1, 2, 3)), ValueError, "either size or scale_factor should be defined"),
            Err(
                S((1, 2, 3), 4, 2.0),
                ValueError,
                "only one of size or scale_factor should be defined",
            ),
            Err(S((2, 3), 4), NotImplementedError, "3D, 4D and 5D input Tensors supported"),
            Err(S((1, 2, 3), lit((4, 4))), ValueError, "same number of spatial dimensions"),
            Err(
                S((1, 2, 3), 4, align_corners=True),
                ValueError,
                "align_corners option can only be set",
            ),
            Err(S((1, 2, 3), 0), RuntimeError, "greater than 0"),
            Err(S((1, 2, 3), 4, mode="bilinear"), NotImplementedError, "bilinear"),
        ],
    ),
    OpCase(
        F + "interpolate",
        [
            S((1, 2, 5), 3, mode="linear"),
            S((1, 2, 3), 7, mode="linear", align_corners=True),
            S((1, 2, 3, 4), lit((5, 6)), mode="bilinear"),
            S((1, 1, 4, 3), lit((2, 5)), mode="bilinear", align_corners=True),
            S((1, 1, 3, 4), lit((5, 3)), mode="bicubic"),
            S((1, 1, 2, 3, 2), lit((3, 4, 3)), mode="trilinear"),
        ],
        _filtered,
    ),
    OpCase(F + "interpolate", [S((1, 2, 4, 6), lit((2, 3)), mode="area")], _area),
    OpCase(F + "upsample", [S((1, 2, 3), scale_factor=2)], _nearest),
    OpCase(F + "upsample_nearest", [S((1, 2, 3, 2), scale_factor=2)], _nearest),
    OpCase(
        F + "upsample_bilinear",
        [S((1, 2, 3, 4), lit((5, 6)))],
        lambda x, size: _filtered(x, size, "bilinear", True),
    ),
    OpCase(
        "pixel_shuffle",
        [S((2, 8, 2, 3), 2), S((9, 1, 2), 3)],
        _pixel_shuffle,
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((2, 3), 2), RuntimeError, "at least 3 dimensions"),
            Err(S((3, 2, 2), 2), RuntimeError, "divisible by the square of upscale_factor"),
            Err(S((4, 2, 2), 0), RuntimeError, "positive"),
        ],
    ),
    OpCase(
        "pixel_unshuffle",
        [S((2, 2, 4, 6), 2)],
        _pixel_unshuffle,
        dtypes=ALL_FLOATS,
        errors=[Err(S((1, 3, 4), 2), RuntimeError, "height to be divisible by downscale_factor")],
    ),
    OpCase(
        "channel_shuffle",
        [S((2, 6, 2), 3)],
        lambda x, g: x.reshape(2, g, 2, 2).swapaxes(1, 2).reshape(x.shape),
        errors=[
            Err(S((2, 6), 3), RuntimeError, "> 2 dims"),
            Err(S((2, 6, 2), 4), RuntimeError, "divisible by groups"),
        ],
    ),
]
