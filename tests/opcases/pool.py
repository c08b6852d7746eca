"""Cases of `ops/pool.py`."""

from __future__ import annotations

import itertools
import math

import numpy as np

from . import FLOATS, HALVES, Err, OpCase, S, ints, lit

ALL_FLOATS = (*FLOATS, *HALVES)


def _each(value, n):
    return (value,) * n if isinstance(value, int) else tuple(value)


def _windows(x, n, kernel, stride, padding, dilation, ceil_mode, fill):
    """Yield, for each output position, its index and the window's elements (N, C, *kernel)."""
    kernel, padding, dilation = _each(kernel, n), _each(padding, n), _each(dilation, n)
    stride = kernel if stride is None else _each(stride, n)
    sizes = []
    for m, k, s, p, d in zip(x.shape[-n:], kernel, stride, padding, dilation, strict=True):
        over = m + 2 * p - d * (k - 1) - 1
        out = (math.ceil(over / s) if ceil_mode else over // s) + 1
        sizes.append(out - 1 if ceil_mode and (out - 1) * s >= m + p else out)
    reach = [
        (o - 1) * s + d * (k - 1) + 1
        for o, s, d, k in zip(sizes, stride, dilation, kernel, strict=True)
    ]
    pads = [(p, max(r - m - p, p)) for p, r, m in zip(padding, reach, x.shape[-n:], strict=True)]
    padded = np.pad(x, [(0, 0)] * (x.ndim - n) + pads, constant_values=fill)
    for at in itertools.product(*map(range, sizes)):
        window = tuple(
            slice(i * s, i * s + d * (k - 1) + 1, d)
            for i, s, d, k in zip(at, stride, dilation, kernel, strict=True)
        )
        yield sizes, at, padded[(..., *window)]


def _pooled(n, x, reduce, kernel, stride, padding, dilation, ceil_mode, fill):
    y = None
    axes = tuple(range(-n, 0))
    for sizes, at, window in _windows(x, n, kernel, stride, padding, dilation, ceil_mode, fill):
        y = np.zeros((*x.shape[:-n], *sizes)) if y is None else y
        y[(..., *at)] = reduce(window, axes)
    return y


def _max_pool(n):
    def ref(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        return _pooled(n, x, np.max, kernel_size, stride, padding, dilation, ceil_mode, -np.inf)

    return ref


def _avg_pool(n):
    def ref(
        x,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    ):
        total = _pooled(n, x, np.sum, kernel_size, stride, padding, 1, ceil_mode, 0)
        if divisor_override:
            return total / divisor_override
        # Ones where an element counts; what lies beyond the padding never does.
        p = _each(padding, n)
        ones = np.pad(
            np.ones(x.shape[-n:]), [(q, q) for q in p], constant_values=float(count_include_pad)
        )
        return total / _pooled(
            n, ones, np.sum, kernel_size, stride or kernel_size, 0, 1, ceil_mode, 0
        )

    return ref


def _lp_pool(n):
    def ref(x, norm_type, kernel_size, stride=None):
        return _pooled(n, x**norm_type, np.sum, kernel_size, stride, 0, 1, False, 0) ** (
            1 / norm_type
        )

    return ref


def _adaptive(n, reduce):
    def ref(x, output_size):
        sizes = [
            m if s is None else s
            for s, m in zip(
                _each(output_size, n) if output_size else (None,) * n, x.shape[-n:], strict=True
            )
        ]
        y = np.zeros((*x.shape[:-n], *sizes))
        for at in itertools.product(*map(range, sizes)):
            window = tuple(
                slice(i * m // o, -(-(i + 1) * m // o))
                for i, m, o in zip(at, x.shape[-n:], sizes, strict=True)
            )
            y[(..., *at)] = reduce(x[(..., *window)], axis=tuple(range(-n, 0)))
        return y

    return ref


def _unpool(x, indices, *_, size):
    y = np.zeros((*x.shape[:2], math.prod(size)))
    np.put_along_axis(y, indices.reshape(*x.shape[:2], -1), x.reshape(*x.shape[:2], -1), 2)
    return y.reshape(*x.shape[:2], *size)


def _case(name, samples, ref=None, **options):
    return OpCase(f"nn.functional.{name}", samples, ref, **options)


CASES = [
    _case(
        "max_pool1d",
        [S((2, 3, 8), 2), S((3, 9), 3, 2, padding=1), S((1, 2, 8), 3, stride=2, ceil_mode=True)],
        _max_pool(1),
        dtypes=ALL_FLOATS,
        errors=[Err(S((8,), 2), RuntimeError, "2D or 3D")],
    ),
    _case(
        "max_pool2d",
        [
            S((2, 3, 4, 6), 2),
            S((2, 6, 5), 3, 2, padding=1),
            S((1, 1, 7, 7), lit((2, 3)), lit((3, 2)), ceil_mode=True),
            S((1, 2, 7, 6), 2, 1, dilation=2),
        ],
        _max_pool(2),
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((4, 4), 2), RuntimeError, "3D or 4D"),
            Err(
                S((1, 1, 4, 4), 2, padding=2),
                RuntimeError,
                "pad should be at most half of effective kernel size",
            ),
            Err(S((1, 1, 4, 4), 5), RuntimeError, "Output size is too small"),
            Err(S((1, 1, 4, 4), 2, 0), RuntimeError, "stride"),
            Err(S((1, 1, 4, 4), lit((2, 2, 2))), RuntimeError, "kernel_size"),
        ],
    ),
    _case("max_pool3d", [S((1, 2, 4, 4, 4), 2), S((2, 3, 4, 5), 2, 1)], _max_pool(3)),
    _case(
        "max_pool1d_with_indices",
        [S(ints([[[1.0, 3, 2, 2, 5, 4]]], "float32"), 2)],
        lambda x, k: (np.array([[[3.0, 2, 5]]]), np.array([[[1, 2, 4]]])),
        differentiable=False,
    ),
    _case(
        "max_pool2d_with_indices",
        [S(ints([[[[1.0, 3, 2], [0, 3, 9]]]], "float32"), lit((2, 2)), stride=1)],
        lambda x, k, stride: (np.array([[[[3.0, 9]]]]), np.array([[[[1, 5]]]])),
        differentiable=False,
    ),
    _case("max_pool3d_with_indices", [S((1, 2, 2, 4, 4), 2)]),
    _case(
        "avg_pool1d",
        [
            S((2, 3, 8), 2),
            S((3, 9), 3, 2, 1),
            S((1, 2, 8), 3, 2, 1, ceil_mode=True, count_include_pad=False),
        ],
        _avg_pool(1),
        dtypes=ALL_FLOATS,
    ),
    _case(
        "avg_pool2d",
        [
            S((2, 3, 4, 6), 2),
            S((2, 6, 5), 3, 2, 1),
            S((2, 6, 5), 3, 2, 1, False, False),
            S((1, 1, 7, 7), lit((2, 3)), 3, ceil_mode=True),
            S((1, 2, 4, 4), 2, divisor_override=3),
        ],
        _avg_pool(2),
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((1, 1, 4, 4), 2, divisor_override=0), RuntimeError, "divisor must be not zero"),
            Err(S((1, 1, 4, 4), 2, padding=2), RuntimeError, "pad should be at most half"),
            Err(S((4, 4), 2), RuntimeError, "3D or 4D"),
        ],
    ),
    _case("avg_pool3d", [S((1, 2, 4, 4, 4), 2), S((2, 3, 4, 5), 2, 1, 1)], _avg_pool(3)),
    _case(
        "adaptive_avg_pool1d",
        [S((2, 3, 8), 3), S((3, 5), 1)],
        _adaptive(1, np.mean),
        dtypes=ALL_FLOATS,
    ),
    _case(
        "adaptive_avg_pool2d",
        [S((2, 3, 5, 7), 1), S((2, 5, 7), lit((2, 3))), S((1, 2, 4, 5), lit((None, 2)))],
        _adaptive(2, np.mean),
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((1, 2, 4, 4), lit((1, 2, 3))), RuntimeError, "output_size"),
            Err(S((4,), lit((1, 2))), ValueError, "Input dimension"),
        ],
    ),
    _case("adaptive_avg_pool3d", [S((1, 2, 3, 4, 5), 2)], _adaptive(3, np.mean)),
    _case("adaptive_max_pool1d", [S((2, 3, 8), 3)], _adaptive(1, np.max)),
    _case(
        "adaptive_max_pool2d", [S((2, 3, 5, 7), lit((2, 3))), S((2, 5, 7), 1)], _adaptive(2, np.max)
    ),
    _case("adaptive_max_pool3d", [S((1, 2, 3, 4, 5), 2)], _adaptive(3, np.max)),
    _case(
        "adaptive_max_pool1d_with_indices",
        [S(ints([[[1.0, 3, 2, 7]]], "float32"), 2)],
        lambda x, k: (np.array([[[3.0, 7]]]), np.array([[[1, 3]]])),
        differentiable=False,
    ),
    _case("adaptive_max_pool2d_with_indices", [S((1, 2, 4, 5), 2)]),
    _case("adaptive_max_pool3d_with_indices", [S((1, 2, 3, 4, 5), 2)]),
    _case(
        "max_unpool1d",
        [S((1, 1, 3), ints([[[1, 2, 5]]]), 2)],
        lambda x, i, k: _unpool(x, i, k, size=(6,)),
        errors=[
            Err(S((1, 1, 3), ints([[[1, 2]]]), 2), RuntimeError, "shape of indices"),
            Err(S((1, 1, 1), ints([[[7]]]), 2), RuntimeError, "index"),
        ],
    ),
    _case(
        "max_unpool2d",
        [S((1, 2, 1, 2), ints([[[[0, 3]], [[5, 6]]]]), 2)],
        lambda x, i, k: _unpool(x, i, k, size=(2, 4)),
    ),
    _case(
        "max_unpool3d",
        [S((1, 1, 1, 1, 2), ints([[[[[3, 9]]]]]), 2)],
        lambda x, i, k: _unpool(x, i, k, size=(2, 2, 4)),
    ),
    _case("lp_pool1d", [S((2, 3, 8), 2, 3)], _lp_pool(1), low=0.1),
    _case(
        "lp_pool2d",
        [S((2, 3, 4, 6), 3, 2), S((2, 5, 6), 1.5, 2, 1)],
        _lp_pool(2),
        low=0.1,
        errors=[Err(S((4, 4), 2, 2), RuntimeError, "3D or 4D")],
    ),
    _case("lp_pool3d", [S((1, 2, 2, 4, 4), 2, 2)], _lp_pool(3), low=0.1),
]
