"""Variance and standard deviation."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..autograd.node import Op
from ..backend.array import row_major
from ..errors import RushlightWarning
from ..kernels._float_errors import quiet
from ._export import export
from ._operands import not_a_tensor
from ._reduce import Axes, Spread, axes_of, extent, is_half
from ._unary import keep
from .reduction import Mean, mean


class Var(Op):
    """y = sum |x - m|^2 / (n - c), m the mean over n elements.  dL/dx = 2 g (x - m) / (n - c)."""

    def forward(ctx, x: Array, *, axes: Axes, keepdim: bool, correction: float) -> Array:
        ctx.axes, ctx.divisor = axes, _divisor(x, axes, correction)
        ctx.save(x)
        return _variance(x, axes, keepdim, ctx.divisor).astype(x.real.dtype, copy=False)

    def backward(ctx, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _variance_gradient(g, x, ctx.axes, ctx.divisor)


class Std(Op):
    """y = the root of the variance.  dL/dx = g (x - m) / (y (n - c)), 0 where y = 0."""

    def forward(ctx, x: Array, *, axes: Axes, keepdim: bool, correction: float) -> Array:
        ctx.axes, ctx.divisor = axes, _divisor(x, axes, correction)
        y = np.asarray(np.sqrt(_variance(x, axes, keepdim, ctx.divisor)))
        y = y.astype(x.real.dtype, copy=False)
        ctx.save(x, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        of_variance = keep(g / (y * 2), y.array != 0)
        return _variance_gradient(of_variance, x, ctx.axes, ctx.divisor)


def _divisor(x: Array, axes: Axes, correction: float) -> float:
    return max(extent(x.shape, axes) - correction, 0)


@quiet
def _variance(x: Array, axes: Axes, keepdim: bool, divisor: float) -> Array:
    wide = x.astype(np.float32) if is_half(x) else x
    count = wide.dtype.type(extent(x.shape, axes))
    deviation = wide - wide.sum(axis=axes, keepdims=True) / count
    square = np.square(deviation.real)
    if wide.dtype.kind == "c":
        square += np.square(deviation.imag)
    return row_major(square.sum(axis=axes, keepdims=keepdim)) / square.dtype.type(divisor)


def _variance_gradient(g: Tensor, x: Tensor, axes: Axes, divisor: float) -> Tensor:
    deviation = x - Mean.apply(x, axes=axes, keepdim=True)
    scale = 2 / divisor if divisor else float("inf")
    return Spread.apply(g * scale, shape=x.array.shape, axes=axes) * deviation


def _moment(
    op: type[Op], input: Any, dim: Any, unbiased: Any, keepdim: bool, correction: float | None
) -> Tensor:
    """Read the arguments of `var(dim)`, `var(unbiased)` and `var(dim, correction=...)`; compute."""
    name = op.__name__.lower()
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    dim, unbiased = _read(dim, unbiased)
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    if input.array.dtype.kind in "iub":
        raise RuntimeError("std and var only support floating point and complex dtypes")
    axes = axes_of(name, input, dim)
    if input.array.size and extent(input.array.shape, axes) <= correction:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "reduction factor (input numel divided by output numel).",
            RushlightWarning,
            stacklevel=4,
        )
    return op.apply(input, axes=axes, keepdim=bool(keepdim), correction=correction)


def _read(dim: Any, unbiased: Any) -> tuple[Any, Any]:
    """Let a boolean in the place of `dim` be `unbiased`."""
    return (None, dim) if isinstance(dim, bool) else (dim, unbiased)


@export(method=True, out=True, numpy_names=True)
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Return the variance over all dimensions or some.

        var(x) = sum |x - mean(x)|^2 / (n - correction)

    Args:
        input: a floating point or complex tensor.
        dim: the dimension or dimensions to reduce; None or () for all.
        unbiased: True for correction 1, False for 0 (may stand in the place of `dim`).
        keepdim: keep the reduced dimensions with extent 1.
        correction: 1 (Bessel's) unless given.

    Example:
        >>> rushlight.var(rushlight.tensor([1.0, 2.0, 3.0]))
        tensor(1.)
    """
    return _moment(Var, input, dim, unbiased, keepdim, correction)


@export(method=True, out=True, numpy_names=True)
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Return the standard deviation over all dimensions or some; the arguments are those of `var`.

    Example:
        >>> rushlight.std(rushlight.tensor([1.0, 2.0, 3.0]), unbiased=False)
        tensor(0.8165)
    """
    return _moment(Std, input, dim, unbiased, keepdim, correction)


@export(numpy_names=True)
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the variance and the mean; the arguments are those of `var`."""
    result = _moment(Var, input, dim, unbiased, keepdim, correction)
    return result, mean(input, _read(dim, unbiased)[0], bool(keepdim))


@export(numpy_names=True)
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the standard deviation and the mean; the arguments are those of `var`."""
    result = _moment(Std, input, dim, unbiased, keepdim, correction)
    return result, mean(input, _read(dim, unbiased)[0], bool(keepdim))
