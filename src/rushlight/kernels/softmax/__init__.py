"""Softmax and its logarithm along one axis, and their gradients.

    softmax(x) = exp(x - m) / s,    log_softmax(x) = x - m - log(s)
    m = max(x),    s = sum(exp(x - m))

Any float dtype and strides; float16 and bfloat16 are computed in float32 and rounded once. Every
result is a new array. A row without a finite maximum gives NaN.
"""

from __future__ import annotations

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.kernels._kernel import add_native, kernel
from rushlight.kernels._precision import widen


@kernel
def softmax(x: Array, *, axis: int) -> Array:
    """Return exp(x) / sum(exp(x)) along `axis`."""
    if x.size == 0:
        return array_module(x).empty_like(x)
    with np.errstate(invalid="ignore"):
        y = array_module(x).exp(_shifted(x, axis))
        y /= y.sum(axis=_axis(x, axis), keepdims=True)
    return y.astype(x.dtype, copy=False)


@kernel
def softmax_grad(g: Array, y: Array, *, axis: int) -> Array:
    """Gradient of y = softmax(x): y * (g - sum(g * y))."""
    wide_g, wide_y = widen(g), widen(y)
    inner = (wide_g * wide_y).sum(axis=_axis(g, axis), keepdims=True)
    return (wide_y * (wide_g - inner)).astype(g.dtype, copy=False)


@kernel
def log_softmax(x: Array, *, axis: int) -> Array:
    """Return x - log(sum(exp(x))) along `axis`."""
    if x.size == 0:
        return array_module(x).empty_like(x)
    xp = array_module(x)
    with np.errstate(invalid="ignore"):
        y = _shifted(x, axis)
        y -= xp.log(xp.exp(y).sum(axis=_axis(x, axis), keepdims=True))
    return y.astype(x.dtype, copy=False)


@kernel
def log_softmax_grad(g: Array, y: Array, *, axis: int) -> Array:
    """Gradient of y = log_softmax(x): g - exp(y) * sum(g)."""
    wide_g = widen(g)
    total = wide_g.sum(axis=_axis(g, axis), keepdims=True)
    return (wide_g - array_module(g).exp(widen(y)) * total).astype(g.dtype, copy=False)


def _axis(x: Array, axis: int) -> int | None:
    """The axis to reduce: a 0-d array counts as one element."""
    return axis if x.ndim else None


def _shifted(x: Array, axis: int) -> Array:
    wide = widen(x)
    return wide - wide.max(axis=_axis(x, axis), keepdims=True)


add_native(__name__)
