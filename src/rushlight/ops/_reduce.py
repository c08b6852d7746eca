"""What reductions share: which axes, in which precision, and spreading a gradient out again."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array, Shape
from ..autograd.node import Op
from ..backend.array import row_major
from ..backend.dtype import dtype as DType
from ..kernels.cast import copy_as
from ..kernels.sums import add_reduce, spread
from ._arguments import check_dtype, dims
from ._operands import not_a_tensor

Axes = tuple[int, ...] | None
_FLOAT32 = np.dtype(np.float32)


def axes_of(name: str, input: Any, dim: Any) -> Axes:
    """Return the axes to reduce, None for all of them (no `dim`, or an empty one).

    Raises:
        TypeError: `input` is no Tensor.
        IndexError: a dimension does not exist.
        RuntimeError: a dimension appears twice.
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    if dim is None:
        return None
    ndim = input.array.ndim
    if type(dim) is int and 0 <= dim < ndim:
        return (dim,)
    # No dimensions mean all of them; a 0-d tensor has none to reduce.
    axes = dims(dim, ndim)
    return axes if axes and ndim else None


def kept_shape(shape: Shape, axes: Axes) -> Shape:
    """Return a shape with the reduced axes kept at extent 1."""
    if axes is None:
        return (1,) * len(shape)
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def extent(shape: Shape, axes: Axes) -> int:
    """Return how many elements are reduced into one."""
    count = 1
    for axis in range(len(shape)) if axes is None else axes:
        count *= shape[axis]
    return count


def is_half(x: Array) -> bool:
    """Tell whether an array has a 16-bit floating point type, which sums are not computed in."""
    return x.dtype.kind == "V" or (x.dtype.kind == "f" and x.dtype.itemsize == 2)


def total(x: Array, axes: Axes, keepdim: bool) -> Array:
    """Return the sum over axes: integers in int64, half precision summed in float32."""
    if type(x) is np.ndarray and x.dtype.char in "fd":
        return row_major(add_reduce(x, axes, keepdims=keepdim))
    if x.dtype.kind in "iub":
        return row_major(x.sum(axis=axes, dtype=np.int64, keepdims=keepdim))
    if is_half(x):
        if type(x) is np.ndarray:
            y = add_reduce(copy_as(x, _FLOAT32), axes, keepdims=keepdim)
        else:
            y = x.sum(axis=axes, dtype=np.float32, keepdims=keepdim)
        return y.astype(x.dtype, order="C")
    return row_major(x.sum(axis=axes, keepdims=keepdim))


class Spread(Op):
    """y = x repeated along the axes it was reduced over, without copying.  dL/dx = the sum of g."""

    label = "Expand"
    only_kernels = True

    def forward(ctx, x: Array, *, shape: Shape, axes: Axes) -> Array:
        ctx.axes, ctx.shape = axes, x.shape
        return spread(x.reshape(kept_shape(shape, axes)), shape)

    def backward(ctx, g: Tensor) -> Tensor:
        return Collect.apply(g, shape=ctx.shape, axes=ctx.axes)


class Collect(Op):
    """y = x summed over axes.  dL/dx = g repeated along them."""

    label = "Sum"

    def forward(ctx, x: Array, *, shape: Shape, axes: Axes) -> Array:
        ctx.axes, ctx.shape = axes, x.shape
        return total(x, axes, False).reshape(shape)

    def backward(ctx, g: Tensor) -> Tensor:
        return Spread.apply(g, shape=ctx.shape, axes=ctx.axes)


def read_dtype(name: str, dtype: Any) -> DType:
    """Read the dtype a reduction converts its input to.

    Raises:
        TypeError: it is no dtype.
    """
    found = check_dtype(name, dtype)
    assert found is not None
    return found


def check_keepdim(name: str, keepdim: Any) -> None:
    """Refuse a `keepdim` that is no boolean.

    Raises:
        TypeError: it is none.
    """
    if type(keepdim) is not bool and not isinstance(keepdim, np.bool_):
        kind = type(keepdim).__name__
        raise TypeError(f"{name}(): argument 'keepdim' (position 2) must be bool, not {kind}")


def refuse_complex(name: str, x: Tensor) -> None:
    """Refuse complex numbers, which have no order.

    Raises:
        NotImplementedError: `x` is complex.
    """
    if x.array.dtype.kind == "c":
        raise NotImplementedError(f"{name}(): does not support complex input")
