"""Sums, means, products, and whether all or any elements are nonzero."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..autograd.node import Op
from ..backend.array import row_major
from ..backend.dtype import dtype as DType
from ..errors import wrap_dim
from ._export import export
from ._operands import as_float, not_a_tensor
from ._reduce import Axes, Spread, axes_of, check_keepdim, extent, is_half, read_dtype, total
from ._unary import keep
from .casts import cast
from .complex import conjugate
from .elementwise import exp


class Sum(Op):
    """y = the sum of x over axes.  dL/dx = g, repeated."""

    autocast_cuda = "float32"

    def forward(ctx, x: Array, *, axes: Axes, keepdim: bool) -> Array:
        ctx.shape, ctx.axes = x.shape, axes
        if axes is not None:
            ctx.overload = 1
        return total(x, axes, keepdim)

    def backward(ctx, g: Tensor) -> Tensor:
        return Spread.apply(g, shape=ctx.shape, axes=ctx.axes)


class Mean(Op):
    """y = the mean of x over axes.  dL/dx = g / n, repeated."""

    def forward(ctx, x: Array, *, axes: Axes, keepdim: bool) -> Array:
        ctx.shape, ctx.axes = x.shape, axes
        if axes is not None:
            ctx.overload = 1
        ctx.count = count = x.size if axes is None else extent(x.shape, axes)
        if is_half(x):
            y = x.sum(axis=axes, dtype=np.float32, keepdims=keepdim)
            return (y / np.float32(count)).astype(x.dtype)
        return total(x, axes, keepdim) / x.dtype.type(count)

    def backward(ctx, g: Tensor) -> Tensor:
        return Spread.apply(g / ctx.count, shape=ctx.shape, axes=ctx.axes)


class NanSum(Op):
    """y = the sum over axes of what is not NaN.  dL/dx = g where x is not NaN, else 0."""

    def forward(ctx, x: Array, *, axes: Axes, keepdim: bool) -> Array:
        ctx.shape, ctx.axes = x.shape, axes
        ctx.valid = ~np.isnan(x)
        return total(np.where(ctx.valid, x, x.dtype.type(0)), axes, keepdim)

    def backward(ctx, g: Tensor) -> Tensor:
        return keep(Spread.apply(g, shape=ctx.shape, axes=ctx.axes), ctx.valid)


class Prod(Op):
    """y = the product of x over axes.  dL/dx = g times the product of the other elements."""

    autocast = "float32"

    def forward(ctx, x: Array, *, axis: int | None, keepdim: bool) -> Array:
        ctx.axis = axis
        ctx.overload = int(axis is not None)
        if x.dtype.kind in "iub":
            return row_major(x.prod(axis=axis, dtype=np.int64, keepdims=keepdim))
        wide = np.float32 if is_half(x) else x.dtype
        y = x.prod(axis=axis, dtype=wide, keepdims=keepdim).astype(x.dtype, copy=False)
        y = row_major(np.asarray(y))
        ctx.save(x, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        axis = ctx.axis
        axes = None if axis is None else (axis,)
        shape = x.array.shape
        g = Spread.apply(g, shape=shape, axes=axes)
        if np.all(x.array):
            return g * conjugate(Spread.apply(y, shape=shape, axes=axes) / x)
        return g * conjugate(_product_of_others(x, axis))


def _product_of_others(x: Tensor, axis: int | None) -> Tensor:
    """For each element the product of all others, right beside zeros: of those before and after."""
    if axis is None:
        return _product_of_others(x.reshape(-1), 0).reshape(x.array.shape)
    length = x.array.shape[axis]
    one = (x.narrow(axis, 0, 1) * 0).detach() + 1
    before = _joined([one, x.narrow(axis, 0, length - 1)], axis).cumprod(axis)
    after = _joined([one, x.flip(axis).narrow(axis, 0, length - 1)], axis).cumprod(axis)
    return before * after.flip(axis)


def _joined(parts: list[Tensor], axis: int) -> Tensor:
    from .joining import cat

    return cat(parts, axis)


class LogSumExp(Op):
    """y = ln sum exp(x) over axes.  dL/dx = g exp(x - y)."""

    label = "Logsumexp"
    autocast_cuda = "float32"

    def forward(ctx, x: Array, *, axes: Axes, keepdim: bool) -> Array:
        wide = x.astype(np.float32) if is_half(x) else x
        top = wide.real.max(axis=axes, keepdims=True, initial=-np.inf)
        top = np.where(np.isfinite(top), top, top.dtype.type(0))
        y = np.log(np.exp(wide - top).sum(axis=axes, keepdims=True)) + top
        y = y.astype(x.dtype, "C", copy=False)
        if not keepdim:
            kept = () if axes is None else [n for i, n in enumerate(x.shape) if i not in axes]
            y = y.reshape(tuple(kept))
        ctx.axes = axes
        ctx.save(x, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        shape, axes = x.array.shape, ctx.axes
        difference = x - Spread.apply(y, shape=shape, axes=axes)
        return Spread.apply(g, shape=shape, axes=axes) * conjugate(exp(difference))


class Quantor(Op):
    """y = whether all (or any) elements over axes are nonzero.  No gradient."""

    differentiable = False

    def forward(ctx, x: Array, *, axes: Axes, keepdim: bool, every: bool) -> Array:
        test = x.all if every else x.any
        if x.dtype.kind == "V":
            test = (x != 0).all if every else (x != 0).any
        y = row_major(np.asarray(test(axis=axes, keepdims=keepdim)))
        return y.astype(np.uint8) if x.dtype == np.uint8 else y


class CountNonzero(Op):
    """y = the number of nonzero elements over axes.  No gradient."""

    differentiable = False

    def forward(ctx, x: Array, *, axes: Axes) -> Array:
        return (x != 0).sum(axis=axes, dtype=np.int64)


@export(method=True, out=True, numpy_names=True)
def sum(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Add up the elements over all dimensions or some.

    Args:
        input: a tensor.
        dim: the dimension or dimensions to reduce; None or () for all.
        keepdim: keep the reduced dimensions with extent 1.
        dtype: convert to this dtype first.

    Dtype:
        the input's; int64 for integers and booleans. float16 and bfloat16 are added up in float32.

    Example:
        >>> rushlight.sum(rushlight.tensor([[1, 2], [3, 4]]), dim=0)
        tensor([4, 6])
    """
    axes = axes_of("sum", input, dim)
    check_keepdim("sum", keepdim)
    if dtype is not None:
        input = cast(input, read_dtype("sum", dtype))
        y = Sum.apply(input, axes=axes, keepdim=keepdim)
        return cast(y, input.dtype)
    return Sum.apply(input, axes=axes, keepdim=keepdim)


@export(method=True, out=True, numpy_names=True)
def mean(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Average the elements over all dimensions or some.

    Args:
        input: a floating point or complex tensor.
        dim: the dimension or dimensions to reduce; None or () for all.
        keepdim: keep the reduced dimensions with extent 1.
        dtype: convert to this dtype first.

    Raises:
        RuntimeError: the dtype is integral.

    Example:
        >>> rushlight.mean(rushlight.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
        tensor([1.5000, 3.5000])
    """
    axes = axes_of("mean", input, dim)
    check_keepdim("mean", keepdim)
    if dtype is not None:
        input = cast(input, read_dtype("mean", dtype))
    if input.array.dtype.kind in "iub":
        origin = "Input" if dtype is None else "Optional"
        raise RuntimeError(
            f"mean(): could not infer output dtype. {origin} dtype must be either a floating point "
            f"or complex dtype. Got: {input.dtype.type_name}"
        )
    return Mean.apply(input, axes=axes, keepdim=keepdim)


@export(method=True, out=True, numpy_names=True)
def nansum(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Add up the elements that are not NaN."""
    axes = axes_of("nansum", input, dim)
    if input.array.dtype.kind == "c":
        raise RuntimeError("nansum does not support complex inputs")
    if dtype is not None:
        input = cast(input, read_dtype("nansum", dtype))
    if input.array.dtype.kind in "iub":
        return sum(input, dim, keepdim, dtype=dtype)
    return NanSum.apply(input, axes=axes, keepdim=keepdim)


@export(method=True, out=True, numpy_names=True)
def nanmean(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Average the elements that are not NaN.

    Example:
        >>> rushlight.nanmean(rushlight.tensor([1.0, float("nan"), 3.0]))
        tensor(2.)
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("nanmean", input)
    if input.array.dtype.kind not in "fVc":
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got "
            f"{input.dtype.type_name}"
        )
    count = (input == input).sum(dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / count


@export(method=True, out=True, numpy_names=True)
def prod(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Multiply the elements over all dimensions or one.

    Dtype:
        the input's; int64 for integers and booleans.

    Example:
        >>> rushlight.prod(rushlight.tensor([[1, 2], [3, 4]]), dim=1)
        tensor([ 2, 12])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("prod", input)
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"prod(): argument 'dim' must be int, not {type(dim).__name__}")
    axis = None if dim is None else wrap_dim(dim, input.array.ndim)
    if dtype is not None:
        input = cast(input, read_dtype("prod", dtype))
    y = Prod.apply(
        input, axis=axis if input.array.ndim else None, keepdim=keepdim and dim is not None
    )
    return y if dtype is None else cast(y, dtype)


@export(method=True, out=True, numpy_names=True)
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return ln sum exp(x) over dimensions, without overflow.

    Example:
        >>> rushlight.logsumexp(rushlight.tensor([[1.0, 2.0, 3.0]]), dim=1)
        tensor([3.4076])
    """
    x = as_float(input, "logsumexp")
    return LogSumExp.apply(x, axes=axes_of("logsumexp", x, dim), keepdim=keepdim)


def _quantor(name: str, input: Tensor, dim: Any, keepdim: bool, every: bool) -> Tensor:
    if dim == () and isinstance(input, Tensor) and input.array.ndim:
        return input != 0
    axes = axes_of(name, input, dim)
    return Quantor.apply(input, axes=axes, keepdim=keepdim, every=every)


@export(method=True, out=True, numpy_names=True)
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Tell whether all elements are nonzero, over all dimensions or some.

    Dtype:
        bool; uint8 for uint8.

    Example:
        >>> rushlight.all(rushlight.tensor([[True, False], [True, True]]), dim=1)
        tensor([False,  True])
    """
    return _quantor("all", input, dim, keepdim, every=True)


@export(method=True, out=True, numpy_names=True)
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Tell whether any element is nonzero, over all dimensions or some.

    Dtype:
        bool; uint8 for uint8.

    Example:
        >>> rushlight.any(rushlight.tensor([[False, False], [False, True]]), dim=1)
        tensor([False,  True])
    """
    return _quantor("any", input, dim, keepdim, every=False)


@export(method=True)
def _is_all_true(input: Tensor) -> Tensor:
    """Tell whether all elements of a bool tensor are true: under `vmap`, those of all samples."""
    return _quantor("_is_all_true", input, None, False, every=True)


@export(method=True, numpy_names=True)
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """Count the nonzero elements over all dimensions or some (NaN counts).

    Example:
        >>> rushlight.count_nonzero(rushlight.tensor([0.0, 2.0, 3.0]))
        tensor(2)
    """
    return CountNonzero.apply(input, axes=axes_of("count_nonzero", input, dim))
