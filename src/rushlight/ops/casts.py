"""Conversions of dtype and device, and copies."""

from __future__ import annotations

from .._tensor import Tensor
from .._typing import Array, Shape
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..backend.array import array_module, device_of, to_device
from ..backend.device import device
from ..backend.dtype import dtype
from ..backend.memory_format import (
    check_rank,
    has_format,
    in_format,
    is_channels_last,
    is_contiguous,
    memory_format,
    memory_order,
    order_in_memory,
)
from ..kernels.cast import copy_as


class Cast(Op):
    """y = x in another dtype.  dL/dx = g in x's dtype."""

    label = "ToCopy"

    def forward(ctx, x: Array, *, dtype: dtype) -> Array:
        ctx.source = x.dtype
        if x.dtype.kind == "c" and not dtype.is_complex and dtype.kind:
            x = x.real
        # An expanded tensor comes out row after row, as in torch.
        return copy_as(x, dtype.numpy, 0 in x.strides)

    def backward(ctx, g: Tensor) -> Tensor:
        return cast(g, dtypes.from_numpy(ctx.source))


class Truncate(Cast):
    """y = x in an integer dtype or bool; no gradient."""

    differentiable = False


class ToDevice(Op):
    """y = x on another device.  dL/dx = g on x's device."""

    label = "ToCopy"

    def forward(ctx, x: Array, *, device: device) -> Array:
        ctx.source = device_of(x)
        return to_device(x, device)

    def backward(ctx, g: Tensor) -> Tensor:
        return ToDevice.apply(g, device=ctx.source)


class Clone(Op):
    """y = a copy of x in NumPy's `order`, or with its dimensions in a given one.  dL/dx = g."""

    def forward(ctx, x: Array, *, order: str | Shape = "K") -> Array:
        if order == "K" and (0 in x.strides or is_channels_last(x)):
            order = order_in_memory(x)
        if isinstance(order, str):
            return array_module(x).array(x, copy=True, order=order)
        back = sorted(range(x.ndim), key=order.__getitem__)
        return x.transpose(order).copy(order="C").transpose(back)

    def backward(ctx, g: Tensor) -> Tensor:
        return g


def cast(x: Tensor, to: dtype) -> Tensor:
    """Return `x` in the dtype `to`; `x` itself if it has it already."""
    if x.array.dtype == to.numpy:
        return x
    return Cast.apply(x, dtype=to) if to.kind > 1 else Truncate.apply(x, dtype=to)


class InFormat(Op):
    """y = x dense, channels-last or in row-major order.  dL/dx = g."""

    label = "Clone"

    def forward(ctx, x: Array, *, last: bool) -> Array:
        return in_format(x, last)

    def backward(ctx, g: Tensor) -> Tensor:
        return g


def to_format(x: Tensor, last: bool) -> Tensor:
    """Return `x` dense in channels-last or row-major order; `x` itself if it is so already."""
    return x if has_format(x.array, last) else InFormat.apply(x, last=last)


def copy_in(x: Tensor, form: memory_format | None) -> Tensor:
    """Return a copy of `x` in a memory format; None or `preserve_format` keeps x's order."""
    if form is None or form._name == "preserve_format":
        return Clone.apply(x)
    check_rank(form, x.array.ndim)
    return Clone.apply(x, order="C" if form.rank is None else memory_order(form, x.array.ndim))


def _asks_for(x: Array, form: memory_format) -> bool:
    """Whether `x` lies in this format and is not taken for another, where strides can be both."""
    return is_contiguous(x, form) and is_channels_last(x) == (form.rank is not None)


def convert(
    x: Tensor,
    to: dtype | None,
    where: device | None,
    *,
    copy: bool = False,
    form: memory_format | None = None,
) -> Tensor:
    """Return `x` in a dtype, on a device, in a memory format; `x` itself if it is so already.

    Args:
        x: the tensor.
        to: the dtype.
        where: the device.
        copy: make a new tensor even if nothing changes.
        form: the memory format.
    """
    result = x
    if where is not None and where != x.device:
        if not (where.type == "cpu" and x.device.type == "cpu"):
            same = where.type == x.device.type and where.index is None
            result = result if same else ToDevice.apply(result, device=where)
    if to is not None:
        result = cast(result, to)
    if form is not None and form._name != "preserve_format":
        check_rank(form, x.array.ndim)
        if not _asks_for(result.array, form):
            return copy_in(result, form)
    return copy_in(result, form) if copy and result is x else result
