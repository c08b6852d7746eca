"""Choosing elements by a condition, and filling and copying in place."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._tensor import Tensor, install, method, wrap
from .._typing import Array
from ..autograd.node import Op
from ..autograd.view import write_
from ..backend.array import array_module, row_major
from ._arguments import number_for, require_tensor
from ._broadcast import shape_of, sum_to
from ._export import export, into
from ._operands import not_a_tensor
from ._promote import promote, result_type
from .casts import Clone, cast, convert
from .indexing import Index, IndexPut, along, select
from .shape import broadcast, common_shape, expand, reshape


class Where(Op):
    """z = x where the condition holds, else y.  dL/dx = g there, dL/dy = g elsewhere."""

    autocast = "promote"

    def forward(ctx, condition: Array, x: Any, y: Any) -> Array:
        ctx.save(condition)
        ctx.shapes = shape_of(x), shape_of(y)
        return array_module(condition).where(condition, x, y)

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        (condition,) = ctx.saved_tensors
        x_shape, y_shape = ctx.shapes
        _, to_x, to_y = ctx.edges
        zero = _scalar_like(g, 0)
        return (
            None,
            sum_to(Where.apply(condition, g, zero), x_shape) if to_x else None,
            sum_to(Where.apply(condition, zero, g), y_shape) if to_y else None,
        )


class MaskedFill(Op):
    """y = v where the mask holds, else x.  dL/dx = g elsewhere, dL/dv = the sum of g there."""

    def forward(ctx, x: Array, mask: Array, v: Any) -> Array:
        ctx.save(mask)
        ctx.shape = x.shape
        xp = array_module(x)
        return row_major(xp.where(mask, xp.asarray(v, dtype=x.dtype), x))

    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        (mask,) = ctx.saved_tensors
        to_x, _, to_v = ctx.edges
        return (
            sum_to(MaskedFill.apply(g, mask, 0), ctx.shape) if to_x else None,
            None,
            sum_to(Where.apply(mask, g, _scalar_like(g, 0)), ()) if to_v else None,
        )


def _scalar_like(x: Tensor, value: Any) -> Tensor:
    return wrap(np.asarray(value, dtype=x.array.dtype))


# --- choosing ----------------------------------------------------------------------------------


@export(out=True)
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Return `input` where a condition holds, else `other`; of a condition alone, where it holds.

    Args:
        condition: a bool tensor.
        input: tensor or number.
        other: tensor or number; everything broadcasts, and the dtypes are promoted.

    Raises:
        RuntimeError: the condition is not bool, or the shapes do not fit.

    Example:
        >>> x = rushlight.tensor([-1.0, 2.0])
        >>> rushlight.where(x > 0, x, 0.0)
        tensor([0., 2.])
    """
    require_tensor("where", condition, "condition")
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError("where(): expected either the condition alone, or also input and other")
    if condition.array.dtype.kind != "b":
        condition = _as_condition(condition)
    if isinstance(input, Tensor) or isinstance(other, Tensor):
        if isinstance(input, (list, tuple, str)) or isinstance(other, (list, tuple, str)):
            raise TypeError("where(): expected tensors or numbers")
        x, y = promote(input, other)
        # NumPy's `where` would take a Python number for a dtype of its own.
        x = x if isinstance(x, Tensor) else _scalar_like(y, x)
        y = y if isinstance(y, Tensor) else _scalar_like(x, y)
    else:
        common = result_type(input, other).numpy
        x, y = wrap(np.asarray(input).astype(common)), wrap(np.asarray(other).astype(common))
    try:
        return Where.apply(condition, x, y)
    except ValueError:
        common_shape(condition.array.shape, x.array.shape, y.array.shape)
        raise


def _as_condition(x: Tensor) -> Tensor:
    if x.array.dtype != np.uint8:
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{x.dtype.type_name}"
        )
    warnings.warn(
        "where received a uint8 condition tensor. This behavior is deprecated and will be removed "
        "in a future version of PyTorch. Use a boolean condition instead.",
        UserWarning,
        stacklevel=3,
    )
    return wrap(x.array.astype(bool))


def _where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """Return the tensor's elements where a condition holds, else those of `other`."""
    return where(condition, self, other)


install(where=_where_method)


@export(method=True)
def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False) -> Any:
    """Return the places of the elements that are not zero.

    Args:
        input: the tensor.
        out: a tensor to write the result into.
        as_tuple: return one vector for each dimension, to be used as an index, instead of one row
            for each element.

    Example:
        >>> rushlight.tensor([[0, 1], [2, 0]]).nonzero()
        tensor([[0, 1],
                [1, 0]])
    """
    array = require_tensor("nonzero", input).array
    xp = array_module(array)
    if as_tuple:
        found = xp.nonzero(array if array.ndim else array.reshape(1))
        return tuple([wrap(places) for places in found])
    if array.ndim:
        rows = xp.stack(xp.nonzero(array), axis=1)
    else:
        rows = xp.zeros((int(bool(array)), 0), dtype=np.int64)
    return wrap(rows) if out is None else into("nonzero", out, wrap(rows))


@export(method=True)
def argwhere(input: Tensor) -> Tensor:
    """Return the places of the elements that are not zero, one row for each."""
    return nonzero(input)


def _check_mask(name: str, mask: Any) -> None:
    require_tensor(name, mask, "mask", 2)
    if mask.array.dtype.kind != "b":
        raise RuntimeError(
            f"{name} only supports boolean masks, but got mask with dtype "
            f"{str(mask.dtype).split('.')[-1]}"
        )


@export(method=True, inplace=True, saves_input=False)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Return the tensor with a number written where a mask holds.

    Args:
        input: the tensor.
        mask: a bool tensor; both broadcast.
        value: a number or 0-d tensor.

    Raises:
        RuntimeError: the mask is not bool, or the value has dimensions.

    Example:
        >>> x = rushlight.tensor([1.0, 2.0])
        >>> x.masked_fill(x > 1, 0)
        tensor([1., 0.])
    """
    require_tensor("masked_fill", input)
    _check_mask("masked_fill", mask)
    if isinstance(value, Tensor):
        if value.array.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.array.ndim} dimension(s)."
            )
        if value.dtype.is_complex and not input.dtype.is_complex:
            number_for(value.item(), input.dtype)
        value = cast(value, input.dtype)
    else:
        value = number_for(value, input.dtype)
    try:
        return MaskedFill.apply(input, mask, value)
    except ValueError:
        common_shape(input.array.shape, mask.array.shape)
        raise


class MaskedSelect(Index):
    """y = the elements of x where a mask holds.  dL/dx = g there, else 0."""


class MaskedScatter(IndexPut):
    """y = x with the elements of v written, in order, where a mask holds."""


def _masked_places(mask: Array) -> list[Tensor]:
    return [wrap(places) for places in array_module(mask).nonzero(mask)]


@export(method=True, out=True)
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements where a mask holds, as a vector; both broadcast.

    Raises:
        RuntimeError: the mask is not bool, or the shapes do not fit.

    Example:
        >>> x = rushlight.tensor([1, 2, 3])
        >>> x.masked_select(x > 1)
        tensor([2, 3])
    """
    if require_tensor("masked_select", mask, "mask", 2).array.dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = common_shape(input.array.shape, mask.array.shape) or (1,)
    x = broadcast(input, shape)
    places = _masked_places(np.broadcast_to(mask.array, shape))
    return MaskedSelect.apply(x, *places, axes=tuple(range(len(shape))))


@export(method=True, inplace=True, saves_input=False)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return the tensor with the elements of `source` written, in order, where a mask holds.

    Raises:
        RuntimeError: the mask is not bool, the dtypes differ, or `source` has too few elements.
    """
    _check_mask("masked_scatter_", mask)
    if source.array.dtype != input.array.dtype:
        raise RuntimeError(
            "masked_scatter_: expected self and source to have same dtypes but got "
            f"{input.dtype.type_name} and {source.dtype.type_name}"
        )
    shape = common_shape(input.array.shape, mask.array.shape)
    full = shape or (1,)
    places = _masked_places(np.broadcast_to(mask.array, full))
    count = places[0].array.size
    if count > source.array.size:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    values = along(reshape(source, (source.array.size,)), 0, 0, count)
    result = MaskedScatter.apply(
        broadcast(input, full), values, *places, axes=tuple(range(len(full)))
    )
    return reshape(result, shape)


# --- filling and copying in place --------------------------------------------------------------


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Write a number (or a 0-d tensor) to every element.

    Raises:
        RuntimeError: the value has dimensions.
    """
    if isinstance(value, Tensor):
        if value.array.ndim:
            raise RuntimeError(
                "fill_ only supports 0-dimension value tensor but got tensor with "
                f"{value.array.ndim} dimensions."
            )
        return copy_(self, value)
    return write_(self, number_for(value, self.dtype), uniform=True)


@export
def fill(input: Tensor, value: Any) -> Tensor:
    """Return a tensor of another one's shape with a number (or a 0-d tensor) in every element."""
    return fill_(Clone.apply(input), value)


@method
def zero_(self: Tensor) -> Tensor:
    """Write zero to every element."""
    return write_(self, 0, uniform=True)


@method
def copy_(self: Tensor, other: Any, non_blocking: bool = False) -> Tensor:
    """Write the elements of another tensor, broadcast and converted, into this one.

    Gradients flow to `other`.

    Raises:
        RuntimeError: the shapes do not fit.
    """
    if not isinstance(other, Tensor):
        if isinstance(other, (list, tuple, str)) or other is None:
            raise not_a_tensor("copy_", other, "other")
        return write_(self, number_for(other, self.dtype))
    value = other
    if other.array.dtype != self.array.dtype or other.device != self.device:
        value = convert(other, self.dtype, self.device)
    if value.array.shape != self.array.shape:
        common_shape(self.array.shape, value.array.shape)
        value = expand(value, self.array.shape)
    return write_(self, value)


# --- a part replaced, out of place -------------------------------------------------------------


@export(method=True)
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Return a copy with `src` in place of `input.select(dim, index)`."""
    result = Clone.apply(input)
    _replace("select_scatter", select(result, dim, index), src)
    return result


@export(method=True)
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """Return a copy with `src` in place of the slice start:end:step of a dimension."""
    result = Clone.apply(input)
    dim = dim % input.array.ndim
    window = result[(slice(None),) * dim + (slice(start, end, step),)]
    _replace("slice_scatter", window, src)
    return result


@export(method=True)
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """Return a copy with `src` in place of a diagonal."""
    result = Clone.apply(input)
    _replace("diagonal_scatter", result.diagonal(offset, dim1, dim2), src)
    return result


@export(method=True)
def as_strided_scatter(
    input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None
) -> Tensor:
    """Return a copy with `src` in place of `input.as_strided(size, stride, storage_offset)`."""
    result = Clone.apply(input)
    _replace("as_strided_scatter", result.as_strided(size, stride, storage_offset), src)
    return result


def _replace(name: str, window: Tensor, src: Tensor) -> None:
    if src.array.shape != window.array.shape:
        raise RuntimeError(
            f"{name}: expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(window.shape)}"
        )
    copy_(window, src)
