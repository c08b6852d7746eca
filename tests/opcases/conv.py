"""Cases of `ops/conv.py`."""

from __future__ import annotations

import itertools

import numpy as np

from . import FLOATS, HALVES, Err, OpCase, S, lit

ALL_FLOATS = (*FLOATS, *HALVES)


def _each(value, n):
    return (value,) * n if isinstance(value, int) else tuple(value)


def _taps(kernel, stride, dilation, out):
    """For each element of the filter: its index, and the input elements it meets."""
    for at in itertools.product(*map(range, kernel)):
        yield (
            at,
            tuple(
                slice(i * d, i * d + (o - 1) * s + 1, s)
                for i, d, o, s in zip(at, dilation, out, stride, strict=True)
            ),
        )


def _conv(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    n = w.ndim - 2
    if x.ndim == n + 1:
        return _conv(x[None], w, b, stride, padding, dilation, groups)[0]
    stride, dilation = _each(stride, n), _each(dilation, n)
    if padding == "same":
        widths = [
            ((d * (k - 1)) // 2, d * (k - 1) - (d * (k - 1)) // 2)
            for d, k in zip(dilation, w.shape[2:], strict=True)
        ]
    else:
        widths = [(p, p) for p in _each(0 if padding == "valid" else padding, n)]
    x = np.pad(x, [(0, 0), (0, 0), *widths])
    out = [
        (m - d * (k - 1) - 1) // s + 1
        for m, k, s, d in zip(x.shape[2:], w.shape[2:], stride, dilation, strict=True)
    ]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    for at, window in _taps(w.shape[2:], stride, dilation, out):
        for g, (xs, ws) in enumerate(
            zip(np.split(x, groups, 1), np.split(w, groups, 0), strict=True)
        ):
            part = np.einsum("nc...,oc->no...", xs[(..., *window)], ws[(..., *at)])
            y[:, g * len(ws) : (g + 1) * len(ws)] += part
    return y if b is None else y + b.reshape(-1, *(1,) * n)


def _conv_transpose(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    n = w.ndim - 2
    stride, dilation, padding = _each(stride, n), _each(dilation, n), _each(padding, n)
    full = [
        (m - 1) * s + d * (k - 1) + 1 + e
        for m, k, s, d, e in zip(
            x.shape[2:], w.shape[2:], stride, dilation, _each(output_padding, n), strict=True
        )
    ]
    y = np.zeros((x.shape[0], w.shape[1] * groups, *full))
    for at, window in _taps(w.shape[2:], stride, dilation, x.shape[2:]):
        for g, (xs, ws) in enumerate(
            zip(np.split(x, groups, 1), np.split(w, groups, 0), strict=True)
        ):
            part = np.einsum("nc...,co->no...", xs, ws[(..., *at)])
            y[(slice(None), slice(g * w.shape[1], (g + 1) * w.shape[1]), *window)] += part
    y = y[(..., *(slice(p, m - p) for p, m in zip(padding, full, strict=True)))]
    return y if b is None else y + b.reshape(-1, *(1,) * n)


CASES = [
    OpCase(
        "conv1d",
        [
            S((2, 3, 9), (4, 3, 3), (4,)),
            S((2, 4, 9), (4, 2, 2), stride=2, padding=1, groups=2),
            S((3, 8), (2, 3, 3), dilation=2),
            S((1, 2, 6), (2, 2, 4), padding="same"),
        ],
        _conv,
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((2, 3), (4, 3, 3)), RuntimeError, "channels"),
            Err(S((2, 3, 9, 9), (4, 3, 3)), RuntimeError, r"2D \(unbatched\) or 3D \(batched\)"),
            Err(S((2, 3, 9), (4, 3, 3), (3,)), RuntimeError, "bias"),
            Err(
                S((2, 3, 2), (4, 3, 3)),
                RuntimeError,
                "Kernel size can't be greater than actual input size",
            ),
        ],
    ),
    OpCase(
        "conv2d",
        [
            S((2, 3, 5, 6), (4, 3, 3, 3), (4,)),
            S((1, 2, 6, 5), (3, 2, 3, 2), (3,), stride=lit((2, 1)), padding=lit((1, 0))),
            S((2, 4, 5, 5), (4, 1, 3, 3), padding=1, groups=4),
            S((1, 1, 7, 7), (2, 1, 3, 3), dilation=2),
            S((4, 4, 4), (3, 4, 1, 1), (3,)),
            S((1, 2, 4, 5), (2, 2, 2, 3), padding="same"),
            S((1, 2, 4, 5), (2, 2, 2, 3), padding="valid"),
        ],
        _conv,
        dtypes=ALL_FLOATS,
        errors=[
            Err(
                S((2, 4, 5, 5), (4, 3, 3, 3)),
                RuntimeError,
                "to have 3 channels, but got 4 channels",
            ),
            Err(S((5, 5), (4, 3, 3, 3)), RuntimeError, r"3D \(unbatched\) or 4D \(batched\)"),
            Err(S((2, 3, 5, 5), (4, 3, 3, 3), stride=0), RuntimeError, "non-positive stride"),
            Err(S((2, 3, 5, 5), (4, 3, 3, 3), padding=-1), RuntimeError, "negative padding"),
            Err(
                S((2, 3, 5, 5), (4, 3, 3, 3), stride=2, padding="same"),
                RuntimeError,
                "not supported for strided",
            ),
            Err(S((2, 4, 5, 5), (3, 2, 3, 3), groups=2), RuntimeError, "divisible by groups"),
        ],
    ),
    OpCase(
        "conv3d",
        [S((1, 2, 3, 4, 4), (2, 2, 2, 3, 2), (2,), padding=1), S((3, 3, 3, 3), (2, 3, 2, 2, 2))],
        _conv,
        errors=[
            Err(S((2, 3, 4), (1, 2, 3, 3, 3)), RuntimeError, r"4D \(unbatched\) or 5D \(batched\)")
        ],
    ),
    OpCase(
        "conv_transpose1d",
        [
            S((2, 3, 5), (3, 2, 3), (2,)),
            S((1, 4, 4), (4, 1, 3), stride=2, padding=1, output_padding=1, groups=2),
        ],
        _conv_transpose,
        errors=[Err(S((2, 4, 5), (3, 2, 3)), RuntimeError, "channels")],
    ),
    OpCase(
        "conv_transpose2d",
        [
            S((1, 3, 4, 3), (3, 2, 3, 3), (2,)),
            S((2, 2, 3, 3), (2, 2, 2, 3), stride=2, padding=1, output_padding=1),
            S((1, 4, 3, 3), (4, 2, 2, 2), stride=lit((1, 2)), groups=2, dilation=2),
        ],
        _conv_transpose,
        dtypes=ALL_FLOATS,
        errors=[
            Err(
                S((1, 3, 4, 4), (3, 2, 3, 3), output_padding=1),
                RuntimeError,
                "output padding must be smaller",
            ),
            Err(S((1, 2, 4, 4), (3, 2, 3, 3)), RuntimeError, "channels"),
        ],
    ),
    OpCase(
        "conv_transpose3d", [S((1, 2, 2, 3, 2), (2, 2, 2, 2, 3), (2,), stride=2)], _conv_transpose
    ),
    OpCase(
        "conv_tbc",
        [S((5, 2, 3), (3, 3, 4), (4,)), S((4, 1, 2), (2, 2, 3), (3,), pad=1)],
        lambda x, w, b, pad=0: _conv(
            x.transpose(1, 2, 0), w.transpose(2, 1, 0), b, padding=pad
        ).transpose(2, 0, 1),
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((5, 2), (3, 3, 4), (4,)), RuntimeError, r"expected input \(T, N, C\)"),
            Err(S((5, 2, 3), (3, 2, 4), (4,)), RuntimeError, "conv_tbc"),
            Err(S((5, 2, 3), (3, 3, 4), (2,)), RuntimeError, "conv_tbc"),
        ],
    ),
]
