"""Addition, subtraction, multiplication, division and powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Number
from ..autograd.node import Op
from ..autograd.view import write_
from ..backend import dtype as dtypes
from ._broadcast import shape_of, sum_to
from ._export import export
from ._promote import promote
from .casts import cast


class Add(Op):
    """z = x + y.  dL/dx = g, dL/dy = g."""

    def forward(ctx, x: Array, y: Array) -> Array:
        if ctx.edges:
            ctx.shapes = shape_of(x), shape_of(y)
        return np.add(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x_shape, y_shape = ctx.shapes
        to_x, to_y = ctx.edges
        return sum_to(g, x_shape) if to_x else None, sum_to(g, y_shape) if to_y else None


class Mul(Op):
    """z = x y.  dL/dx = g conj(y), dL/dy = g conj(x)."""

    def forward(ctx, x: Array, y: Array) -> Array:
        ctx.save(x, y)
        return np.multiply(x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.edges
        return (
            sum_to(Mul.apply(g, conjugate(y)), x.array.shape) if to_x else None,
            sum_to(Mul.apply(g, conjugate(x)), y.array.shape) if to_y else None,
        )


def conjugate(x: Any) -> Any:
    return x


@export(method=True, out=True, inplace=True, saves_input=False)
def add(input: Any, other: Any, *, alpha: Number = 1) -> Tensor:
    """x"""
    if alpha != 1:
        other = mul(other, alpha)
    x, y = promote(input, other)
    return Add.apply(x, y)


@export(method=True, out=True, inplace=True)
def mul(input: Any, other: Any) -> Tensor:
    """x"""
    x, y = promote(input, other)
    return Mul.apply(x, y)


Tensor.__add__ = add
Tensor.__mul__ = mul
