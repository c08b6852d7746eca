"""Native activation kernels: dense float32, channels-last included."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._typing import Array
from .._native import core
from . import (
    clamp,
    clamp_grad,
    elu,
    erf,
    exp,
    gelu,
    gelu_grad,
    leaky_relu,
    leaky_relu_grad,
    log1p,
    log_sigmoid,
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    silu,
    silu_grad,
    softplus,
    tanh,
    tanh_grad,
)

relu.fast(np.ndarray, rounded=(0,))(core.relu)
relu_grad.fast(np.ndarray, rounded=(0,))(core.relu_grad)
exp.fast(np.ndarray, rounded=(0,))(core.exp_map)
erf.fast(np.ndarray, rounded=(0,))(core.erf_map)
tanh.fast(np.ndarray, rounded=(0,))(core.tanh_map)
tanh_grad.fast(np.ndarray, rounded=(0,))(core.tanh_grad)
sigmoid.fast(np.ndarray, rounded=(0,))(core.sigmoid_map)
sigmoid_grad.fast(np.ndarray, rounded=(0,))(core.sigmoid_grad)
log1p.fast(np.ndarray, rounded=(0,))(core.log1p_map)
log_sigmoid.fast(np.ndarray, rounded=(0,))(core.log_sigmoid)
silu.fast(np.ndarray, rounded=(0,))(core.silu)
silu_grad.fast(np.ndarray, rounded=(0,))(core.silu_grad)


@leaky_relu.fast(np.ndarray, rounded=(0,))
def _leaky_relu(x: Array, slope: float = 0.01) -> Any:
    return core.leaky_relu(x, slope)


@leaky_relu_grad.fast(np.ndarray, rounded=(0,))
def _leaky_relu_grad(g: Array, x: Array, slope: float = 0.01) -> Any:
    return core.leaky_relu_grad(g, x, slope)


@gelu.fast(np.ndarray, rounded=(0,))
def _gelu(x: Array, approximate: str = "none") -> Any:
    return core.gelu_tanh(x) if approximate == "tanh" else core.gelu_erf(x)


@gelu_grad.fast(np.ndarray, rounded=(0,))
def _gelu_grad(g: Array, x: Array, approximate: str = "none") -> Any:
    if g.strides != x.strides and g.shape == x.shape:  # an expanded gradient, that of a sum
        g, expanded = np.empty_like(x, dtype=g.dtype), g
        g[...] = expanded
    return core.gelu_tanh_grad(g, x) if approximate == "tanh" else core.gelu_erf_grad(g, x)


@elu.fast(np.ndarray, rounded=(0,))
def _elu(x: Array, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    if input_scale < 0:  # the exponential grows there
        return NotImplemented
    return core.elu(x, alpha * scale, scale, input_scale)


@softplus.fast(np.ndarray, rounded=(0,))
def _softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Any:
    return core.softplus(x, beta, threshold)


@clamp.fast(np.ndarray)
def _clamp(x: Array, low: float, high: float) -> Any:
    return core.clamp(x, low, high)


@clamp_grad.fast(np.ndarray)
def _clamp_grad(g: Array, y: Array, low: float, high: float) -> Any:
    return core.clamp_grad(g, y, low, high)
