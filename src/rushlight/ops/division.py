"""Rounded quotients and the remainders that belong to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, install
from .._typing import Array
from ..autograd.node import Op
from ..kernels._float_errors import quiet
from ._broadcast import shape_of, sum_to
from ._export import export
from ._operands import infix_by, not_a_tensor, not_implemented
from ._promote import promote


@quiet
def _divide(x: Array, y: Array, floor: bool) -> Array:
    dtype = x.dtype if hasattr(x, "dtype") else y.dtype
    if dtype.kind in "iu":
        _check_divisor(y)
        return np.floor_divide(x, y) if floor else _truncated_quotient(x, y, dtype)
    return np.floor_divide(x, y) if floor else np.trunc(np.true_divide(x, y))


def _truncated_quotient(x: Array, y: Array, dtype: np.dtype[Any]) -> Array:
    quotient = np.floor_divide(x, y)
    inexact = (np.remainder(x, y) != 0) & ((np.less(x, 0)) != (np.less(y, 0)))
    return (quotient + inexact).astype(dtype)


def _check_divisor(y: Any) -> None:
    if not np.all(y):
        raise RuntimeError("ZeroDivisionError")


class DivRounded(Op):
    """z = x / y rounded.  The gradients are 0: z is constant wherever it is smooth."""

    label = "Div"

    def forward(ctx, x: Array, y: Array, *, floor: bool) -> Array:
        if ctx.edges:
            ctx.shapes = shape_of(x), shape_of(y)
        return _divide(x, y, floor)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x_shape, y_shape = ctx.shapes
        to_x, to_y = ctx.edges
        zero = g * 0
        return sum_to(zero, x_shape) if to_x else None, sum_to(zero, y_shape) if to_y else None


class FloorDivide(Op):
    """z = floor(x / y), outside the graph."""

    differentiable = False

    def forward(ctx, x: Array, y: Array) -> Array:
        return _divide(x, y, floor=True)


class Remainder(Op):
    """z = x - y q with q = x / y rounded down (or towards zero).  dL/dx = g, dL/dy = -g q."""

    def forward(ctx, x: Array, y: Array, *, floor: bool) -> Array:
        ctx.save(x, y)
        ctx.floor = floor
        return _remainder(x, y, np.remainder if floor else np.fmod)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.edges
        gx = sum_to(g, shape_of(getattr(x, "array", x))) if to_x else None
        if not to_y:
            return gx, None
        return gx, sum_to(-g * DivRounded.apply(x, y, floor=ctx.floor), y.array.shape)


@quiet
def _remainder(x: Array, y: Array, ufunc: Any) -> Array:
    if (x if hasattr(x, "dtype") else y).dtype.kind in "iu":
        _check_divisor(y)
    return ufunc(x, y)


def _operands(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    x, y = promote(x, y)
    tensor = x if isinstance(x, Tensor) else y
    if tensor.array.dtype.kind in "bc":
        raise not_implemented(name, tensor)
    return x, y


def divide_rounded(x: Any, y: Any, rounding_mode: str) -> Tensor:
    """Return x / y rounded "trunc" or "floor"; what `div` does with its argument."""
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    x, y = _operands(f"div_{rounding_mode}", x, y)
    return DivRounded.apply(x, y, floor=rounding_mode == "floor")


@export(method=True, out=True, inplace=True)
def floor_divide(input: Any, other: Any) -> Tensor:
    """Divide and round down, as Python's `//`; without gradient.

    Raises:
        RuntimeError: "ZeroDivisionError" for an integer divided by zero.

    Example:
        >>> rushlight.floor_divide(rushlight.tensor([-7, 7]), 2)
        tensor([-4,  3])
    """
    x, y = _operands("div_floor", input, other)
    return FloorDivide.apply(x, y)


@export(method=True, out=True, inplace=True)
def remainder(input: Any, other: Any) -> Tensor:
    """Return what is left of the division rounded down: the sign is the divisor's, as Python's `%`.

    Raises:
        RuntimeError: "ZeroDivisionError" for an integer divided by zero.

    Example:
        >>> rushlight.remainder(rushlight.tensor([-3.0, 3.0]), 2)
        tensor([1., 1.])
    """
    x, y = _operands("remainder", input, other)
    return Remainder.apply(x, y, floor=True)


@export(method=True, out=True, inplace=True)
def fmod(input: Tensor, other: Any) -> Tensor:
    """Return what is left of the division rounded towards zero: the sign is the dividend's.

    Raises:
        RuntimeError: "ZeroDivisionError" for an integer divided by zero.

    Example:
        >>> rushlight.fmod(rushlight.tensor([-3.0, 3.0]), 2)
        tensor([-1.,  1.])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("fmod", input)
    x, y = _operands("fmod", input, other)
    return Remainder.apply(x, y, floor=False)


install(__floordiv__=infix_by(floor_divide), __rfloordiv__=infix_by(floor_divide, swapped=True))
install(__mod__=infix_by(remainder), __rmod__=infix_by(remainder, swapped=True))
install(__ifloordiv__=infix_by(Tensor.floor_divide_), __imod__=infix_by(Tensor.remainder_))
