"""Activation functions and their gradients.

Each takes any real floating dtype and any strides, computes float16 and bfloat16 in float32, and
returns a new array of the input's dtype. Gradients take the upstream gradient `g` and either the
input `x` or the output `y` of the forward.
"""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from ...backend.array import array_module
from .._kernel import add_native, kernel
from .._precision import widen
from . import _normal


@kernel
def relu(x: Array) -> Array:
    """max(x, 0), integers included. NaN stays NaN."""
    return array_module(x).maximum(x, x.dtype.type(0))


@kernel
def relu_grad(g: Array, y: Array) -> Array:
    """0 where y <= 0, else g."""
    return array_module(g).where(y <= 0, g.dtype.type(0), g)


@kernel
def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    """x where x > 0, else slope x."""
    return array_module(x).where(x > 0, x, x * x.dtype.type(slope))


@kernel
def leaky_relu_grad(g: Array, x: Array, slope: float = 0.01) -> Array:
    """g where x > 0, else slope g."""
    return array_module(g).where(x > 0, g, g * g.dtype.type(slope))


@kernel
def elu(x: Array, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Array:
    """scale x where x > 0, else scale alpha (exp(input_scale x) - 1)."""
    xp, v = array_module(x), widen(x)
    as_v = v.dtype.type
    below = xp.expm1(xp.minimum(v, 0) * as_v(input_scale)) * as_v(alpha * scale)
    return xp.where(v > 0, v * as_v(scale), below).astype(x.dtype, copy=False)


@kernel
def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """log(1 + exp(beta x)) / beta, or x where beta x > threshold."""
    xp, v = array_module(x), widen(x)
    as_v = v.dtype.type
    scaled = v * as_v(beta)
    soft = xp.log1p(xp.exp(xp.minimum(scaled, as_v(threshold)))) / as_v(beta)
    return xp.where(scaled > threshold, v, soft).astype(x.dtype, copy=False)


@kernel
def log_sigmoid(x: Array) -> Array:
    """min(x, 0) - log(1 + exp(-|x|))."""
    xp, v = array_module(x), widen(x)
    return (xp.minimum(v, 0) - xp.log1p(xp.exp(-xp.abs(v)))).astype(x.dtype, copy=False)


@kernel
def clamp(x: Array, low: float, high: float) -> Array:
    """min(max(x, low), high). NaN stays NaN."""
    xp, kind = array_module(x), x.dtype.type
    return xp.minimum(xp.maximum(x, kind(low)), kind(high))


@kernel
def clamp_grad(g: Array, y: Array, low: float, high: float) -> Array:
    """0 where y <= low or y >= high, else g: nothing passes at the limits."""
    outside = (y <= low) | (y >= high)
    return array_module(g).where(outside, g.dtype.type(0), g)


@kernel
def log1p(x: Array) -> Array:
    """The logarithm of 1 + x."""
    return array_module(x).log1p(widen(x)).astype(x.dtype, copy=False)


@kernel
def exp(x: Array) -> Array:
    """e to the power x."""
    return array_module(x).exp(widen(x)).astype(x.dtype, copy=False)


@kernel
def erf(x: Array) -> Array:
    """The error function."""
    return _normal.erf(x).astype(x.dtype, copy=False)


@kernel
def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return array_module(x).tanh(widen(x)).astype(x.dtype, copy=False)


@kernel
def tanh_grad(g: Array, y: Array) -> Array:
    """g (1 - y^2)."""
    v = widen(y)
    return (widen(g) * (1 - v * v)).astype(g.dtype, copy=False)


@kernel
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow and precise in the lower tail."""
    return _sigmoid(widen(x)).astype(x.dtype, copy=False)


def _sigmoid(x: Array) -> Array:
    xp = array_module(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, x.dtype.type(1), e) / (1 + e)


@kernel
def sigmoid_grad(g: Array, y: Array) -> Array:
    """g y (1 - y)."""
    v = widen(y)
    return (widen(g) * (1 - v) * v).astype(g.dtype, copy=False)


@kernel
def silu(x: Array) -> Array:
    """x sigmoid(x)."""
    v = widen(x)
    return (v * _sigmoid(v)).astype(x.dtype, copy=False)


@kernel
def silu_grad(g: Array, x: Array) -> Array:
    """g s (1 + x (1 - s)) with s = sigmoid(x)."""
    v = widen(x)
    s = _sigmoid(v)
    return (widen(g) * s * (1 + v * (1 - s))).astype(g.dtype, copy=False)


@kernel
def gelu(x: Array, approximate: str = "none") -> Array:
    """x P(X <= x) for a standard normal X; `approximate="tanh"`: x sigmoid(2 u(x)).

    u(x) = sqrt(2 / pi) (x + 0.044715 x^3).
    """
    if approximate == "tanh":
        v = widen(x)
        return (v * _sigmoid(2 * _cubic(v))).astype(x.dtype, copy=False)
    return (x * _normal.normal_cdf(x)).astype(x.dtype, copy=False)


@kernel
def gelu_grad(g: Array, x: Array, approximate: str = "none") -> Array:
    """G (P(X <= x) + x p(x)), p the normal density, or the slope of the tanh form."""
    if approximate == "tanh":
        v = widen(x)
        s = _sigmoid(2 * _cubic(v))
        du = 2 * np.sqrt(2 / np.pi).astype(v.dtype) * (1 + v.dtype.type(3 * 0.044715) * v * v)
        return (widen(g) * (s + v * s * (1 - s) * du)).astype(g.dtype, copy=False)
    slope = _normal.normal_cdf(x) + x * _normal.normal_density(x)
    return (g * slope).astype(g.dtype, copy=False)


def _cubic(x: Array) -> Array:
    return x.dtype.type(np.sqrt(2 / np.pi)) * (x + x.dtype.type(0.044715) * x * x * x)


add_native(__name__)
