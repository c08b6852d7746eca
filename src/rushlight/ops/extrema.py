"""Largest and smallest elements, where they are, and those so far along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..autograd.node import Op
from ..backend.array import row_major
from ..errors import wrap_dim
from ..kernels._float_errors import quiet
from ._export import export
from ._operands import not_a_tensor
from ._reduce import Axes, Spread, axes_of, check_keepdim, refuse_complex
from ._return_types import return_type
from ._unary import keep
from .compare import maximum, minimum

max_result = return_type("max", "values", "indices")
min_result = return_type("min", "values", "indices")
cummax_result = return_type("cummax", "values", "indices")
cummin_result = return_type("cummin", "values", "indices")
aminmax_result = return_type("aminmax", "min", "max")


class Pick(Op):
    """y = the elements of x at indices along an axis.  dL/dx = g at these places, added up."""

    label = "Gather"

    def forward(ctx, x: Array, *, index: Array, axis: int) -> Array:
        ctx.index, ctx.axis, ctx.extent = index, axis, x.shape[axis]
        return np.take_along_axis(x, index, axis)

    def backward(ctx, g: Tensor) -> Tensor:
        return Place.apply(g, index=ctx.index, axis=ctx.axis, extent=ctx.extent)


class Place(Op):
    """y = zeros with x's elements added at indices along an axis.  dL/dx = g at these places."""

    label = "Scatter"

    def forward(ctx, x: Array, *, index: Array, axis: int, extent: int) -> Array:
        ctx.index, ctx.axis = index, axis
        shape = (*x.shape[:axis], extent, *x.shape[axis + 1 :])
        y = np.zeros_like(x, shape=shape)
        if x.shape[axis] == 1:
            np.put_along_axis(y, index, x, axis)
        else:
            where = list(np.ogrid[tuple([slice(n) for n in x.shape])])
            where[axis] = index
            np.add.at(y, tuple(where), x)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        return Pick.apply(g, index=ctx.index, axis=ctx.axis)


class ExtremumAlong(Op):
    """y, i = the extreme element along an axis and its (first) index.  dL/dx = g at the index."""

    nondifferentiable = (1,)

    def forward(ctx, x: Array, *, axis: int, keepdim: bool, smallest: bool) -> tuple[Array, Array]:
        ctx.axis, ctx.extent, ctx.keepdim = axis, x.shape[axis], keepdim
        if smallest:
            index, y = x.argmin(axis, keepdims=keepdim), x.min(axis, keepdims=keepdim)
        else:
            index, y = x.argmax(axis, keepdims=keepdim), x.max(axis, keepdims=keepdim)
        ctx.index = index = row_major(np.asarray(index))
        return row_major(y), index

    def backward(ctx, g: Tensor, _: Any) -> Tensor:
        index = ctx.index
        if not ctx.keepdim:
            g, index = g.unsqueeze(ctx.axis), np.expand_dims(index, ctx.axis)
        return Place.apply(g, index=index, axis=ctx.axis, extent=ctx.extent)


class Max(ExtremumAlong):
    """y, i = the largest element along an axis and its (first) index.  dL/dx = g at the index."""


class Min(ExtremumAlong):
    """y, i = the smallest element along an axis and its (first) index.  dL/dx = g at the index."""


class Extremum(Op):
    """y = the extreme element over axes.  dL/dx = g, shared evenly among equals."""

    def forward(ctx, x: Array, *, axes: Axes, keepdim: bool, smallest: bool) -> Array:
        find = x.min if smallest else x.max
        y = row_major(np.asarray(find(axis=axes, keepdims=keepdim)))
        ctx.axes = axes
        ctx.save(x, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        return _shared(g, x, y, ctx.axes, nan_chosen=False)


class Amax(Extremum):
    """y = the largest element over axes.  dL/dx = g, shared evenly among equals."""


class Amin(Extremum):
    """y = the smallest element over axes.  dL/dx = g, shared evenly among equals."""


class ExtremumOfAll(Op):
    """y = the extreme element of all.  dL/dx = g, shared evenly among equals (or among NaNs)."""

    overload = 1

    def forward(ctx, x: Array, *, smallest: bool) -> Array:
        ctx.label = "Min" if smallest else "Max"
        y = np.asarray(x.min() if smallest else x.max())
        ctx.save(x, y)
        return y

    def backward(ctx, g: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        return _shared(g, x, y, None, nan_chosen=True)


@quiet
def _shared(g: Tensor, x: Tensor, y: Tensor, axes: Axes, nan_chosen: bool) -> Tensor:
    a, shape = x.array, x.array.shape
    kept = tuple([1 if axes is None or i in axes else n for i, n in enumerate(shape)])
    chosen = np.asarray(a == y.array.reshape(kept))
    if nan_chosen and np.isnan(y.array):
        chosen = np.isnan(a)
    count = chosen.sum(axis=axes, keepdims=True)
    spread = Spread.apply(g, shape=shape, axes=axes)
    if (count == 1).all():
        return keep(spread, chosen)
    return spread * np.true_divide(chosen, count).astype(a.dtype)


class ArgExtremum(Op):
    """i = the (first) index of the extreme element along an axis, or among all.  No gradient."""

    differentiable = False

    def forward(ctx, x: Array, *, axis: int | None, keepdim: bool, smallest: bool) -> Array:
        find = x.argmin if smallest else x.argmax
        return np.asarray(find(axis=axis, keepdims=keepdim))


class CumulativeExtremum(Op):
    """y, i = the extreme element so far along an axis and its last index.  dL/dx = g at i."""

    nondifferentiable = (1,)

    def forward(ctx, x: Array, *, axis: int, smallest: bool) -> tuple[Array, Array]:
        y = (np.minimum if smallest else np.maximum).accumulate(x, axis=axis)
        new = np.equal(x, y)
        if x.dtype.kind in "fV":
            new |= np.isnan(x)
        places = np.arange(x.shape[axis]).reshape([-1] + [1] * (x.ndim - axis - 1))
        index = np.maximum.accumulate(np.where(new, places, 0), axis=axis)
        ctx.index, ctx.axis, ctx.extent = index, axis, x.shape[axis]
        return y, index

    def backward(ctx, g: Tensor, _: Any) -> Tensor:
        return Place.apply(g, index=ctx.index, axis=ctx.axis, extent=ctx.extent)


class Cummax(CumulativeExtremum):
    """y, i = the largest element so far along an axis and its last index.  dL/dx = g at i."""


class Cummin(CumulativeExtremum):
    """y, i = the smallest element so far along an axis and its last index.  dL/dx = g at i."""


# --- public functions ---


def _check_nonempty(
    name: str, x: Tensor, axes: Axes, error: type[Exception] = RuntimeError
) -> None:
    shape = x.array.shape
    if axes is None:
        if not x.array.size:
            raise error(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify "
                "the reduction dim with the 'dim' argument."
            )
        return
    for axis in axes:
        if not shape[axis]:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")


def _extremum(smallest: bool, input: Any, dim: Any, keepdim: bool, other: Any) -> Any:
    """Tell the three functions of the name `max` apart."""
    name = "min" if smallest else "max"
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    if isinstance(dim, Tensor):
        other, dim = dim, None
    if other is not None:
        return (minimum if smallest else maximum)(input, other)
    if dim is None:
        refuse_complex(name, input)
        _check_nonempty(name, input, None)
        return ExtremumOfAll.apply(input, smallest=smallest)
    if not hasattr(dim, "__index__"):
        raise TypeError(
            f"{name}(): argument 'dim' (position 2) must be int, not {type(dim).__name__}"
        )
    check_keepdim(name, keepdim)
    refuse_complex(name, input)
    result = min_result if smallest else max_result
    op = Min if smallest else Max
    if not input.array.ndim:
        wrap_dim(dim, 0)
        value, index = op.apply(input.reshape(1), axis=0, keepdim=False, smallest=smallest)
        return result(value, index)
    axis = wrap_dim(dim, input.array.ndim)
    _check_nonempty(name, input, (axis,))
    return result(op.apply(input, axis=axis, keepdim=keepdim, smallest=smallest))


@export(method=True, out=True, numpy_names=True)
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the largest element, the largest along a dimension, or the larger of two tensors.

    Args:
        input: a real tensor.
        dim: the dimension to reduce; or a second tensor, as for `maximum`.
        keepdim: keep the reduced dimension with extent 1.
        other: the second tensor.

    Returns:
        `max(input)`: a 0-d tensor; its gradient is shared by equal elements.
        `max(input, dim)`: a named tuple (values, indices); the gradient goes to the index.
        `max(input, other)`: a tensor.

    Example:
        >>> rushlight.max(rushlight.tensor([[1, 5], [7, 2]]), dim=1)
        torch.return_types.max(
        values=tensor([5, 7]),
        indices=tensor([1, 0]))
    """
    return _extremum(False, input, dim, keepdim, other)


@export(method=True, out=True, numpy_names=True)
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the smallest element, the smallest along a dimension, or the smaller of two tensors.

    The arguments and results are those of `max`.

    Example:
        >>> rushlight.min(rushlight.tensor([3, 1, 2]))
        tensor(1)
    """
    return _extremum(True, input, dim, keepdim, other)


@export(method=True, out=True, numpy_names=True)
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the largest elements over all dimensions or some; equals share the gradient.

    Example:
        >>> rushlight.amax(rushlight.tensor([[1, 5], [7, 2]]), dim=(0, 1))
        tensor(7)
    """
    axes = axes_of("amax", input, dim)
    refuse_complex("amax", input)
    _check_nonempty("amax", input, axes)
    return Amax.apply(input, axes=axes, keepdim=keepdim, smallest=False)


@export(method=True, out=True, numpy_names=True)
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Return the smallest elements over all dimensions or some; equals share the gradient."""
    axes = axes_of("amin", input, dim)
    refuse_complex("amin", input)
    _check_nonempty("amin", input, axes)
    return Amin.apply(input, axes=axes, keepdim=keepdim, smallest=True)


@export(method=True, out=True)
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the smallest and the largest elements over all dimensions or one.

    Returns:
        a named tuple (min, max).

    Example:
        >>> low, high = rushlight.aminmax(rushlight.tensor([3, 1, 2]))
        >>> low, high
        (tensor(1), tensor(3))
    """
    axes = axes_of("aminmax", input, dim)
    refuse_complex("aminmax", input)
    if axes is None and not input.array.size:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    _check_nonempty("aminmax", input, axes)
    options = {"axes": axes, "keepdim": keepdim}
    return aminmax_result(
        Amin.apply(input, smallest=True, **options), Amax.apply(input, smallest=False, **options)
    )


def _arg_extremum(name: str, input: Any, dim: int | None, keepdim: bool, smallest: bool) -> Tensor:
    axes = axes_of(name, input, dim)
    refuse_complex(name, input)
    if input.array.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input")
    _check_nonempty(name, input, axes, IndexError)
    axis = None if axes is None else axes[0]
    return ArgExtremum.apply(input, axis=axis, keepdim=keepdim, smallest=smallest)


@export(method=True, out=True, numpy_names=True)
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the index of the (first) largest element along a dimension, or of all in a row.

    Example:
        >>> rushlight.argmax(rushlight.tensor([[1, 5], [7, 2]]), dim=1)
        tensor([1, 0])
    """
    return _arg_extremum("argmax", input, dim, keepdim, smallest=False)


@export(method=True, out=True, numpy_names=True)
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the index of the (first) smallest element along a dimension, or of all in a row."""
    return _arg_extremum("argmin", input, dim, keepdim, smallest=True)


def _cumulative(input: Any, dim: int, smallest: bool) -> Any:
    name, result = ("cummin", cummin_result) if smallest else ("cummax", cummax_result)
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    refuse_complex(name, input)
    axis = wrap_dim(dim, input.array.ndim)
    if not input.array.ndim:
        values, indices = _cumulative(input.reshape(1), 0, smallest)
        return result(values.reshape(()), indices.reshape(()))
    op = Cummin if smallest else Cummax
    return result(op.apply(input, axis=axis, smallest=smallest))


@export(method=True, out=True, numpy_names=True)
def cummax(input: Tensor, dim: int) -> Any:
    """Return the largest element so far along a dimension, and its (last) index.

    Returns:
        a named tuple (values, indices).

    Example:
        >>> rushlight.cummax(rushlight.tensor([1, 3, 2]), dim=0)
        torch.return_types.cummax(
        values=tensor([1, 3, 3]),
        indices=tensor([0, 1, 1]))
    """
    return _cumulative(input, dim, smallest=False)


@export(method=True, out=True, numpy_names=True)
def cummin(input: Tensor, dim: int) -> Any:
    """Return the smallest element so far along a dimension, and its (last) index."""
    return _cumulative(input, dim, smallest=True)
