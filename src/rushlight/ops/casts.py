"""Conversions of dtype and device."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, method
from .._typing import Array
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ..backend.array import array_module, device_of, to_device
from ..backend.device import device
from ..backend.dtype import dtype


class Cast(Op):
    """y = x in another dtype.  dL/dx = g in x's dtype."""

    label = "ToCopy"

    def forward(ctx, x: Array, *, dtype: dtype) -> Array:
        ctx.source = x.dtype
        if x.dtype.kind == "c" and not dtype.is_complex and dtype.kind:
            x = x.real
        with np.errstate(invalid="ignore", over="ignore"):
            return x.astype(dtype.numpy)

    def backward(ctx, g: Tensor) -> Tensor:
        return cast(g, dtypes.from_numpy(ctx.source))


class ToDevice(Op):
    """y = x on another device.  dL/dx = g on x's device."""

    label = "ToCopy"

    def forward(ctx, x: Array, *, device: device) -> Array:
        ctx.source = device_of(x)
        return to_device(x, device)

    def backward(ctx, g: Tensor) -> Tensor:
        return ToDevice.apply(g, device=ctx.source)


class Clone(Op):
    """y = a copy of x.  dL/dx = g."""

    def forward(ctx, x: Array, *, order: str = "K") -> Array:
        return array_module(x).array(x, copy=True, order=order)

    def backward(ctx, g: Tensor) -> Tensor:
        return g


def cast(x: Tensor, to: dtype) -> Tensor:
    """Return `x` in the dtype `to`; `x` itself if it has it already."""
    return x if x.array.dtype == to.numpy else Cast.apply(x, dtype=to)
