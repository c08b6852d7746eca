"""Functions of one argument: the two ways in which their gradients are computed."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..autograd.node import Op
from .complex import conjugate


class Unary(Op):
    """y = f(x).  dL/dx = g conj(f'(x))."""

    f: ClassVar[Any]

    def forward(ctx, x: Array) -> Array:
        ctx.save(x)
        y = ctx.f(x)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g * conjugate(ctx.slope(x))

    def slope(ctx, x: Tensor) -> Tensor:
        """Return f'(x), written with operators."""
        raise NotImplementedError(f"the derivative of {ctx.name()} is not implemented")


class UnaryFromOutput(Op):
    """y = f(x) whose derivative is a function of y.  dL/dx = g conj(f'(y))."""

    f: ClassVar[Any]

    def forward(ctx, x: Array) -> Array:
        y = ctx.f(x)
        ctx.save(y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return g * conjugate(ctx.slope(y))

    def slope(ctx, y: Tensor) -> Tensor:
        """Return the derivative in terms of the result, written with operators."""
        raise NotImplementedError


class Step(Op):
    """y = f(x), constant between jumps.  dL/dx = 0."""

    f: ClassVar[Any]

    def forward(ctx, x: Array) -> Array:
        y = ctx.f(x)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        return g * 0


class Keep(Op):
    """y = x where the mask holds, else 0.  dL/dx = g where the mask holds, else 0."""

    label = "Where"

    def forward(ctx, x: Array, *, mask: Array) -> Array:
        ctx.mask = mask
        return np.where(mask, x, x.dtype.type(0))

    def backward(ctx, g: Tensor) -> Tensor:
        return Keep.apply(g, mask=ctx.mask)


def keep(g: Tensor, mask: Array) -> Tensor:
    """Return `g` where `mask`, an array, holds and 0 elsewhere, whatever g is there (inf, nan)."""
    return Keep.apply(g, mask=mask)
