"""Undoing broadcasting in gradients, and the shape two operands broadcast to."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array, Shape
from ..autograd.node import Op
from ..backend.array import array_module
from ..kernels._precision import widen
from ..kernels.sums import add_reduce


def shape_of(x: Any) -> Shape:
    """Return the shape of an array, () for a Python number."""
    return getattr(x, "shape", ())


def _reduced_axes(shape: Shape, target: Shape) -> tuple[int, ...]:
    lead = len(shape) - len(target)
    stretched = [lead + i for i, n in enumerate(target) if n == 1 and shape[lead + i] != 1]
    return tuple([*range(lead), *stretched])


class SumTo(Op):
    """y = x summed down to a shape it was broadcast from.  dL/dx = g broadcast again."""

    label = "Sum"

    def forward(ctx, x: Array, *, shape: Shape) -> Array:
        ctx.shape = x.shape
        wide, axes = widen(x), _reduced_axes(x.shape, shape)
        if type(wide) is np.ndarray and wide.dtype == np.float32:
            y = add_reduce(wide, axes)
        else:
            y = wide.sum(axis=axes, dtype=wide.dtype)
        return y.astype(x.dtype, copy=False).reshape(shape)

    def backward(ctx, g: Tensor) -> Tensor:
        return BroadcastTo.apply(g, shape=ctx.shape)


class BroadcastTo(Op):
    """y = x broadcast to a shape, without copying.  dL/dx = g summed over the stretched axes."""

    view = True
    label = "Expand"

    def forward(ctx, x: Array, *, shape: Shape) -> Array:
        ctx.shape = x.shape
        return array_module(x).broadcast_to(x, shape)

    def backward(ctx, g: Tensor) -> Tensor:
        return sum_to(g, ctx.shape)


def sum_to(g: Tensor, shape: Shape) -> Tensor:
    """Return a gradient summed down to the shape of the operand it is for."""
    return g if g.array.shape == shape else SumTo.apply(g, shape=shape)
