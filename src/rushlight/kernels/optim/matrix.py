"""Steps that treat a parameter as a matrix: Adafactor and Muon.

The conventions are those of the package; these have no native version.
"""

from __future__ import annotations

from collections.abc import Callable

import ml_dtypes
import numpy as np

from ..._typing import Array
from ...backend.array import array_module
from .._kernel import kernel
from . import Arrays, _each, _gradient, _scalars

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


@kernel
def adafactor_(
    params: Arrays,
    grads: Arrays,
    row_squares: Arrays,
    column_squares: Arrays,
    *,
    weight: float,
    rate: float,
    eps: float,
    smallest_scale: float,
    clip: float,
    shrink: float = 1.0,
    maximize: bool = False,
) -> None:
    """Adafactor for parameters of two or more dimensions.

    The mean squares of the last two dimensions are kept as one factor for rows and one for columns.
    `weight` of the newest squares; the parameters are multiplied by `shrink`; the step is `rate`
    times their root mean square, or times `smallest_scale`; `clip` limits the update's own.
    """
    for p, g, rows, columns in _each(params, grads, row_squares, column_squares):
        xp, s = array_module(p), _scalars(p)
        d = _gradient(p, g, 0.0, maximize)
        length = max(smallest_scale, _root_mean_square(p)) * rate
        p *= s(shrink)
        squares = d * d
        _average_towards(rows, squares.mean(axis=-1, keepdims=True), weight)
        _average_towards(columns, squares.mean(axis=-2, keepdims=True), weight)
        estimate = rows * columns / xp.maximum(rows.mean(axis=-2, keepdims=True), s(eps))
        _clipped_step(p, d, estimate, length, eps, clip)


@kernel
def adafactor_vector_(
    params: Arrays,
    grads: Arrays,
    squares: Arrays,
    *,
    weight: float,
    rate: float,
    eps: float,
    smallest_scale: float,
    clip: float,
    shrink: float = 1.0,
    maximize: bool = False,
) -> None:
    """Adafactor for vectors and scalars, whose mean squares are kept whole."""
    for p, g, square in _each(params, grads, squares):
        d = _gradient(p, g, 0.0, maximize)
        length = max(smallest_scale, _root_mean_square(p)) * rate
        p *= _scalars(p)(shrink)
        _average_towards(square, d * d, weight)
        _clipped_step(p, d, square, length, eps, clip)


def _root_mean_square(x: Array) -> float:
    flat = x.ravel()
    return float(flat @ flat) ** 0.5 / x.size**0.5


def _average_towards(mean: Array, x: Array, weight: float) -> None:
    """mean += weight (x - mean)"""
    mean += _scalars(mean)(weight) * (x - mean)


def _clipped_step(
    p: Array, d: Array, estimate: Array, length: float, eps: float, clip: float
) -> None:
    """p -= length u / max(1, rms(u) / clip)  with  u = d / sqrt(max(estimate, eps^2))"""
    xp, s = array_module(p), _scalars(p)
    update = d / xp.sqrt(xp.maximum(estimate, s(eps * eps)))
    p -= s(length / max(1.0, _root_mean_square(update) / clip)) * update


@kernel
def muon_(
    params: Arrays,
    grads: Arrays,
    buffers: Arrays,
    *,
    rate: Callable[[int, int], float],
    shrink: float,
    momentum: float,
    nesterov: bool,
    coefficients: tuple[float, float, float],
    steps: int,
    eps: float,
) -> None:
    """Muon. `rate(rows, columns)` is the learning rate for a parameter's shape."""
    for p, g, buffer in _each(params, grads, buffers):
        s = _scalars(p)
        _average_towards(buffer, g, 1 - momentum)
        # Momenta of at least a half count from the other end, which rounds as PyTorch does.
        d = buffer - (buffer - g) * s(1 - momentum) if nesterov else buffer
        direction = orthogonalize(d, coefficients, steps, eps)
        p *= s(shrink)
        p -= s(rate(*p.shape)) * direction.astype(p.dtype)


@kernel
def orthogonalize(
    x: Array, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Array:
    """Bring the singular values of a matrix near 1 by Newton-Schulz iterations in bfloat16.

    y = a x + (b (x x^T) + c (x x^T)^2) x, repeated, from x divided by its norm. Products are
    accumulated in float32 and rounded to bfloat16, which float32 arrays hold in between.
    """
    a, b, c = (np.float32(k) for k in coefficients)
    tall = x.shape[0] > x.shape[1]
    y = _rounded(x.T if tall else x)
    norm = _rounded(array_module(y).sqrt((y * y).sum(keepdims=True)))
    y = _rounded(y / array_module(y).maximum(norm, np.float32(eps)))
    for _ in range(steps):
        gram = _rounded(y @ y.T)
        factor = _rounded(b * gram + c * (gram @ gram))
        y = _rounded(a * y + factor @ y)
    return y.T if tall else y


def _rounded(x: Array) -> Array:
    """The nearest bfloat16 numbers, as float32."""
    return x.astype(_BFLOAT16).astype(np.float32)
