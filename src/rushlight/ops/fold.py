"""Windows of an image as columns, and back: unfold and fold."""

from __future__ import annotations

from math import prod
from typing import Any

from .._tensor import Tensor
from .._typing import Array, IntOrPair
from ..autograd.node import Op
from ..kernels import fold as K
from ..kernels._window import conv_output_size
from ._export import export

Sizes = tuple[int, ...]


class Columns(Op):
    """y = the windows of x as columns (im2col).  dL/dx = the columns of g added back."""

    label = "Im2Col"

    def forward(ctx, x: Array, **window: Sizes) -> Array:
        ctx.size, ctx.window = x.shape[2:], window
        return K.columns(x, **window)

    def backward(ctx, g: Tensor) -> Tensor:
        return FromColumns.apply(g, size=ctx.size, **ctx.window)


class FromColumns(Op):
    """y = columns added into an image (col2im).  dL/dx = the windows of g as columns."""

    label = "Col2Im"

    def forward(ctx, x: Array, *, size: Sizes, **window: Sizes) -> Array:
        ctx.window = window
        return K.from_columns(x, size=size, **window)

    def backward(ctx, g: Tensor) -> Tensor:
        return Columns.apply(g, **ctx.window)


def _pair(what: str, value: Any, least: int) -> Sizes:
    pair = (value, value) if isinstance(value, int) else tuple(int(v) for v in value)
    pair = pair * 2 if len(pair) == 1 else pair
    if len(pair) != 2:
        raise RuntimeError(f"It is expected {what} equals to 2, but got size {len(pair)}")
    if any(v < least for v in pair):
        raise RuntimeError(
            f"{what} should be greater than {'zero' if least else 'or equal to zero'}, but got "
            f"{list(pair)}"
        )
    return pair


def _window(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Sizes]:
    return {
        "kernel": _pair("kernel_size", kernel_size, 1),
        "stride": _pair("stride", stride, 1),
        "padding": _pair("padding", padding, 0),
        "dilation": _pair("dilation", dilation, 1),
    }


@export(functional=True, public=False)
def unfold(
    input: Tensor,
    kernel_size: IntOrPair,
    dilation: IntOrPair = 1,
    padding: IntOrPair = 0,
    stride: IntOrPair = 1,
) -> Tensor:
    """Return the sliding windows of images (N, C, H, W) as columns (N, C KH KW, L)."""
    window = _window(kernel_size, dilation, padding, stride)
    shape = input.array.shape
    if len(shape) not in (3, 4) or 0 in shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(shape)}"
        )
    out = conv_output_size(
        shape[-2:], window["kernel"], window["stride"], window["padding"], window["dilation"]
    )
    if any(n < 1 for n in out):
        raise RuntimeError(
            f"Given input with spatial size {tuple(shape[-2:])}, kernel_size={window['kernel']}, "
            f"calculated shape of the array of sliding blocks as {out}, but its components must "
            "be at least one."
        )
    if len(shape) == 3:
        return Columns.apply(input.unsqueeze(0), **window).squeeze(0)
    return Columns.apply(input, **window)


@export(functional=True, public=False)
def fold(
    input: Tensor,
    output_size: IntOrPair,
    kernel_size: IntOrPair,
    dilation: IntOrPair = 1,
    padding: IntOrPair = 0,
    stride: IntOrPair = 1,
) -> Tensor:
    """Add columns (N, C KH KW, L) into images (N, C, H, W); overlapping windows add up."""
    window = _window(kernel_size, dilation, padding, stride)
    size = _pair("output_size", output_size, 1)
    shape = input.array.shape
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with non-zero dimensions, but got: "
            f"{list(shape)}"
        )
    count = prod(window["kernel"])
    if shape[-2] % count:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={shape[-2]} and kernel_size={window['kernel']}."
        )
    out = conv_output_size(
        size, window["kernel"], window["stride"], window["padding"], window["dilation"]
    )
    if any(n < 1 for n in out) or prod(out) != shape[-1]:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={window['kernel']}, expected size of input's "
            "dimension 2 to match the calculated number of sliding blocks "
            f"{' * '.join(map(str, out))} = {prod(out)}, but got input.size(2)={shape[-1]}."
        )
    if len(shape) == 2:
        return FromColumns.apply(input.unsqueeze(0), size=size, **window).squeeze(0)
    return FromColumns.apply(input, size=size, **window)
