"""Cases of `ops/fold.py`."""

from __future__ import annotations

import itertools

import numpy as np

from . import FLOATS, Err, OpCase, S, lit


def _places(size, kernel, dilation, padding, stride):
    """Return the number of windows along both axes, and where each of their elements lies."""
    out = [
        (n + 2 * padding - dilation * (k - 1) - 1) // stride + 1
        for n, k in zip(size, kernel, strict=True)
    ]
    taps = []
    for at in itertools.product(*map(range, kernel)):
        taps.append(
            tuple(
                slice(i * dilation, i * dilation + (o - 1) * stride + 1, stride)
                for i, o in zip(at, out, strict=True)
            )
        )
    return out, taps


def _unfold(x, kernel, dilation=1, padding=0, stride=1):
    kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    _, taps = _places(x.shape[-2:], kernel, dilation, padding, stride)
    x = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2)
    columns = np.stack([x[(..., *tap)] for tap in taps], -3)  # (N, C, KH KW, OH, OW)
    return columns.reshape(*x.shape[:-3], x.shape[-3] * len(taps), -1)


def _fold(x, size, kernel, dilation=1, padding=0, stride=1):
    kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    out, taps = _places(size, kernel, dilation, padding, stride)
    channels = x.shape[-2] // len(taps)
    x = x.reshape(*x.shape[:-2], channels, len(taps), *out)
    y = np.zeros((*x.shape[:-4], channels, *(n + 2 * padding for n in size)))
    for i, tap in enumerate(taps):
        y[(..., *tap)] += x[..., i, :, :]
    return y[..., padding : y.shape[-2] - padding, padding : y.shape[-1] - padding]


CASES = [
    OpCase(
        "nn.functional.unfold",
        [S((2, 3, 4, 5), 2), S((2, 5, 6), lit((2, 3)), 1, 1, 2), S((1, 1, 5, 5), 2, dilation=2)],
        _unfold,
        dtypes=FLOATS,
        errors=[
            Err(S((4, 5), 2), RuntimeError, "Expected 3D or 4D"),
            Err(S((1, 1, 2, 2), 3), RuntimeError, "at least one"),
            Err(S((1, 1, 4, 4), 0), RuntimeError, "greater than zero"),
        ],
    ),
    OpCase(
        "nn.functional.fold",
        [S((2, 8, 6), lit((3, 4)), 2), S((6, 9), lit((4, 5)), lit((2, 3)), 1, 1, 2)],
        _fold,
        dtypes=FLOATS,
        errors=[
            Err(
                S((2, 7, 6), lit((3, 4)), 2),
                RuntimeError,
                "divisible by the product of kernel_size",
            ),
            Err(S((2, 8, 5), lit((3, 4)), 2), RuntimeError, "sliding blocks"),
        ],
    ),
]
