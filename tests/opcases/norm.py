"""Cases of `ops/norm.py`."""

from __future__ import annotations

import numpy as np

from . import FLOATS, HALVES, Err, OpCase, S, lit

ALL_FLOATS = (*FLOATS, *HALVES)


def _row(v, x):
    return v.reshape(1, -1, *(1,) * (x.ndim - 2))


def _standard(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def _affine(y, w, b, rows=True):
    y = y if w is None else y * (_row(w, y) if rows else w)
    return y if b is None else y + (_row(b, y) if rows else b)


def _batch_norm(x, mean, var, w=None, b=None, training=False, momentum=0.1, eps=1e-5):
    if training:
        return _affine(_standard(x, (0, *range(2, x.ndim)), eps), w, b)
    return _affine((x - _row(mean, x)) / np.sqrt(_row(var, x) + eps), w, b)


def _group_norm(x, groups, w=None, b=None, eps=1e-5):
    return _affine(_standard(x.reshape(x.shape[0], groups, -1), 2, eps).reshape(x.shape), w, b)


def _layer_norm(x, shape, w=None, b=None, eps=1e-5):
    return _affine(_standard(x, tuple(range(-len(shape), 0)), eps), w, b, rows=False)


def _rms_norm(x, shape, w=None, eps=None):
    eps = np.finfo(np.float64).eps if eps is None else eps
    square = np.square(x).mean(tuple(range(-len(shape), 0)), keepdims=True)
    return _affine(x / np.sqrt(square + eps), w, None, rows=False)


def _local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    square = np.pad(np.square(x), [(0, 0), (size // 2, (size - 1) // 2)] + [(0, 0)] * (x.ndim - 2))
    mean = sum(square[:, i : i + x.shape[1]] for i in range(size)) / size
    return x / (k + alpha * mean) ** beta


def _case(name, samples, ref, **options):
    return OpCase(f"nn.functional.{name}", samples, ref, rtol=1e-4, atol=1e-5, **options)


CASES = [
    _case(
        "batch_norm",
        [
            S((4, 3), None, None, (3,), (3,), True),
            S((2, 3, 4, 2), None, None, training=True),
            S((3, 2, 5), None, None, (2,), None, True, 0.1, 0.5),
        ],
        _batch_norm,
        dtypes=ALL_FLOATS,
        errors=[
            Err(
                S((1, 3), None, None, training=True),
                ValueError,
                "Expected more than 1 value per channel when training",
            ),
            Err(S((4, 3), None, None), RuntimeError, "evaluation mode"),
            Err(
                S((4, 3), None, None, (4,), training=True),
                RuntimeError,
                "weight should contain 3 elements not 4",
            ),
            Err(S((4,), None, None, training=True), RuntimeError, "at least 2 dimensions"),
        ],
    ),
    _case(
        "batch_norm",
        [
            S((2, 3, 4), running_mean=(3,), running_var=(3,)),
            S((4, 3), weight=(3,), bias=(3,), running_mean=(3,), running_var=(3,)),
        ],
        lambda x, running_mean, running_var, weight=None, bias=None: _batch_norm(
            x, running_mean, running_var, weight, bias
        ),
        low=0.2,
    ),
    _case(
        "instance_norm",
        [S((2, 3, 4, 2)), S((2, 3, 5), None, None, (3,), (3,))],
        lambda x, m=None, v=None, w=None, b=None: _affine(
            _standard(x, tuple(range(2, x.ndim))), w, b
        ),
        dtypes=FLOATS,
        errors=[Err(S((2, 3, 1)), ValueError, "Expected more than 1 spatial element")],
    ),
    _case(
        "layer_norm",
        [
            S((2, 3, 4), lit((4,)), (4,), (4,)),
            S((2, 3, 4), lit((3, 4))),
            S((3, 5), lit((5,)), (5,)),
        ],
        _layer_norm,
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((2, 3), lit((4,))), RuntimeError, r"expected input with shape \[\*, 4\]"),
            Err(
                S((2, 3), lit((3,)), (2,)),
                RuntimeError,
                "weight to be of same shape as normalized_shape",
            ),
        ],
    ),
    _case(
        "rms_norm",
        [S((2, 3, 4), lit((4,)), (4,)), S((2, 3, 4), lit((3, 4)), eps=0.1)],
        _rms_norm,
        dtypes=ALL_FLOATS,
        errors=[Err(S((2, 3), lit((4,))), RuntimeError, "normalized_shape")],
    ),
    _case(
        "group_norm",
        [S((2, 4, 3), 2, (4,), (4,)), S((3, 6), 3), S((2, 4, 2, 3), 4)],
        _group_norm,
        dtypes=ALL_FLOATS,
        errors=[
            Err(S((2, 4, 3), 3), RuntimeError, "divisible by num_groups"),
            Err(S((4,), 2), RuntimeError, "at least 2 dimensions"),
        ],
    ),
    _case(
        "local_response_norm",
        [S((2, 5, 4), 3), S((1, 4, 2, 3), 2, alpha=0.5, beta=0.6, k=2.0)],
        _local_response_norm,
        errors=[Err(S((2, 3), 2), ValueError, "Expected 3D or higher dimensionality")],
    ),
    _case(
        "normalize",
        [S((3, 4)), S((2, 3, 4), p=1.0, dim=2)],
        lambda x, p=2.0, dim=1: x / np.linalg.norm(x, p, dim, keepdims=True),
    ),
]
