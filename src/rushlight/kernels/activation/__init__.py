"""Activation functions and their gradients."""

from __future__ import annotations

from ..._typing import Array
from ...backend.array import array_module
from .._kernel import kernel


@kernel
def relu(x: Array) -> Array:
    """max(x, 0). Any real dtype, any strides; returns a new array. NaN stays NaN."""
    return array_module(x).maximum(x, x.dtype.type(0))


@kernel
def relu_grad(g: Array, y: Array) -> Array:
    """The gradient of relu from its output `y`: g where y > 0, else 0."""
    return array_module(g).where(y > 0, g, g.dtype.type(0))
