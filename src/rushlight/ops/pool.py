"""Pooling: maxima and means over windows, fixed and adaptive, and max-unpooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .._tensor import Tensor
from .._typing import Array, Shape
from ..autograd.node import Op
from ..backend.memory_format import is_channels_last
from ..kernels import pool as K
from ..kernels._window import pool_output_size
from ._arguments import per_axis
from ._autocast import autocast
from ._export import export
from ._operands import not_a_tensor
from .casts import to_format

Sizes = tuple[int, ...]
IntOrSizes = int | Sequence[int]


def _pooling(kind: str, shape: Shape, ending: str = "") -> str:
    """Return the name of a pooling as torch shows it, which pools lines as images of height 1."""
    dims = len(shape) - 2
    return "SqueezeBackward1" if dims == 1 else f"{kind}{dims}D{ending}Backward0"


class MaxPool(Op):
    """y = the maximum of each window.  dL/dx = g at the element that won (the first of equals)."""

    def name(ctx) -> str:
        return _pooling("MaxPool", ctx.shape, "WithIndices")

    def forward(ctx, x: Array, *, with_indices: bool = False, **window: Any) -> Any:
        y, offsets = K.max_pool(x, **window)
        del window["ceil_mode"]
        ctx.window, ctx.shape = window, x.shape
        ctx.save(offsets)
        if not with_indices:
            return y
        return y, K.max_pool_indices(offsets, input_size=x.shape[2:], **window)

    nondifferentiable = (1,)

    def backward(ctx, g: Tensor, _: Any = None) -> Tensor:
        (offsets,) = ctx.saved_tensors
        return MaxPoolGrad.apply(g, offsets, input_shape=ctx.shape, **ctx.window)


class MaxPoolGrad(Op):
    """gx of MaxPool, linear in g.  dL/dg = the elements of gg that won."""

    label = "MaxPool"

    def forward(ctx, g: Array, offsets: Array, *, input_shape: Shape, **window: Any) -> Array:
        ctx.save(offsets)
        ctx.window, ctx.shape = window, input_shape
        return K.max_pool_grad(g, offsets, input_shape=input_shape, **window)

    def backward(ctx, gg: Tensor) -> tuple[Tensor, None]:
        (offsets,) = ctx.saved_tensors
        return MaxPoolTake.apply(gg, offsets, **ctx.window), None


class MaxPoolTake(Op):
    """y = the elements of x that won.  dL/dx = g put back where they were."""

    label = "MaxPool"

    def forward(ctx, x: Array, offsets: Array, **window: Any) -> Array:
        ctx.save(offsets)
        ctx.window, ctx.shape = window, x.shape
        return K.max_pool_take(x, offsets, **window)

    def backward(ctx, g: Tensor) -> tuple[Tensor, None]:
        (offsets,) = ctx.saved_tensors
        return MaxPoolGrad.apply(g, offsets, input_shape=ctx.shape, **ctx.window), None


class AvgPool(Op):
    """y = the mean of each window.  dL/dx = each window's g, shared equally."""

    def name(ctx) -> str:
        return _pooling("AvgPool", ctx.shape)

    def forward(ctx, x: Array, **window: Any) -> Array:
        ctx.shape, ctx.window, ctx.last = x.shape, window, is_channels_last(x)
        return K.avg_pool(x, **window)

    def backward(ctx, g: Tensor) -> Tensor:
        g = to_format(g, ctx.last)
        return AvgPoolGrad.apply(g, input_shape=ctx.shape, **ctx.window)


class AvgPoolGrad(Op):
    """gx of AvgPool, linear in g.  dL/dg = the means of gg."""

    label = "AvgPool"

    def forward(ctx, g: Array, *, input_shape: Shape, ceil_mode: bool, **window: Any) -> Array:
        ctx.window = {**window, "ceil_mode": ceil_mode}
        return K.avg_pool_grad(g, input_shape=input_shape, **window)

    def backward(ctx, gg: Tensor) -> Tensor:
        return AvgPool.apply(gg, **ctx.window)


class AdaptiveAvgPool(Op):
    """y = the means over windows that divide the input into the output's size."""

    def name(ctx) -> str:
        if set(ctx.size) == {1}:
            return "MeanBackward1" if len(ctx.size) < 3 else "AdaptiveAvgPool3DBackward0"
        return _pooling("AdaptiveAvgPool", ctx.shape)

    def forward(ctx, x: Array, *, output_size: Sizes) -> Array:
        ctx.shape, ctx.size, ctx.last = x.shape, tuple(output_size), is_channels_last(x)
        return K.adaptive_avg_pool(x, output_size=output_size)

    def backward(ctx, g: Tensor) -> Tensor:
        g = to_format(g, ctx.last)
        return AdaptiveAvgPoolGrad.apply(g, input_shape=ctx.shape)


class AdaptiveAvgPoolGrad(Op):
    """gx of AdaptiveAvgPool, linear in g.  dL/dg = the means of gg."""

    label = "AdaptiveAvgPool"

    def forward(ctx, g: Array, *, input_shape: Shape) -> Array:
        ctx.size = g.shape[2:]
        return K.adaptive_avg_pool_grad(g, input_shape=input_shape)

    def backward(ctx, gg: Tensor) -> Tensor:
        return AdaptiveAvgPool.apply(gg, output_size=ctx.size)


class AdaptiveMaxPool(Op):
    """y = the maxima over adaptive windows, and their positions.  dL/dx = g at those positions."""

    nondifferentiable = (1,)

    def forward(ctx, x: Array, *, output_size: Sizes) -> tuple[Array, Array]:
        y, indices = K.adaptive_max_pool(x, output_size=output_size)
        ctx.shape = x.shape
        ctx.save(indices)
        return y, indices

    def backward(ctx, g: Tensor, _: Any) -> Tensor:
        (indices,) = ctx.saved_tensors
        return ScatterPlanes.apply(g, indices, input_shape=ctx.shape)


class ScatterPlanes(Op):
    """y = zero planes with x added at given positions.  dL/dx = g at those positions."""

    label = "MaxUnpool"

    def forward(ctx, x: Array, indices: Array, *, input_shape: Shape) -> Array:
        ctx.save(indices)
        return K.scatter_planes(x, indices, input_shape=input_shape)

    def backward(ctx, g: Tensor) -> tuple[Tensor, None]:
        (indices,) = ctx.saved_tensors
        return TakePlanes.apply(g, indices), None


class TakePlanes(Op):
    """y = the elements of each plane at given positions.  dL/dx = g added back there."""

    label = "Gather"

    def forward(ctx, x: Array, indices: Array) -> Array:
        ctx.save(indices)
        ctx.shape = x.shape
        return K.take_planes(x, indices)

    def backward(ctx, g: Tensor) -> tuple[Tensor, None]:
        (indices,) = ctx.saved_tensors
        return ScatterPlanes.apply(g, indices, input_shape=ctx.shape), None


class MaxUnpool(Op):
    """y = zero planes with x put at given positions.  dL/dx = g at those positions."""

    def forward(ctx, x: Array, indices: Array, *, output_size: Sizes) -> Array:
        ctx.save(indices)
        return K.max_unpool(x, indices, output_size=output_size)

    def backward(ctx, g: Tensor) -> tuple[Tensor, None]:
        (indices,) = ctx.saved_tensors
        return TakePlanes.apply(g, indices), None


# --- arguments ---------------------------------------------------------------------------------


def _per_axis(name: str, what: str, value: Any, spatial: int) -> Sizes:
    sizes = per_axis(value, spatial)
    if len(sizes) != spatial:
        raise RuntimeError(
            f"{name}: {what} must either be a single int, or a tuple of {spatial} ints, got {value}"
        )
    return sizes


def _batched(name: str, x: Any, spatial: int) -> tuple[Tensor, bool]:
    """Return the input with a batch axis, and whether it was added."""
    if not isinstance(x, Tensor):
        raise not_a_tensor(name, x)
    ndim = x.array.ndim
    if ndim not in (spatial + 1, spatial + 2):
        raise RuntimeError(
            f"{name}: Expected {spatial + 1}D or {spatial + 2}D (batch mode) tensor for input, "
            f"got {list(x.shape)}"
        )
    if any(n == 0 for n in x.array.shape[1 if ndim == spatial + 2 else 0 :]):
        raise RuntimeError(
            f"{name}: Expected {spatial + 1}D or {spatial + 2}D (batch mode) tensor with non-zero "
            f"sizes apart from the batch, got {list(x.shape)}"
        )
    return (x.unsqueeze(0), True) if ndim == spatial + 1 else (x, False)


def _window(
    name: str,
    x: Tensor,
    spatial: int,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> dict[str, Any]:
    """Check a window's options and return them for the kernels."""
    kernel = _per_axis(name, "kernel_size", kernel, spatial)
    empty = stride is None or (isinstance(stride, (list, tuple)) and not stride)
    stride = kernel if empty else _per_axis(name, "stride", stride, spatial)
    padding = _per_axis(name, "padding", padding, spatial)
    dilation = _per_axis(name, "dilation", dilation, spatial)
    if any(k <= 0 for k in kernel):
        raise RuntimeError(
            f"{name}: kernel size should be greater than zero, but got {list(kernel)}"
        )
    if any(s <= 0 for s in stride):
        raise RuntimeError(f"{name}: stride should be greater than zero, but got {list(stride)}")
    if any(d <= 0 for d in dilation):
        raise RuntimeError(
            f"{name}: dilation should be greater than zero, but got {list(dilation)}"
        )
    for p, k, d in zip(padding, kernel, dilation, strict=True):
        if p < 0:
            raise RuntimeError(f"{name}: pad must be non-negative, but got pad: {p}")
        if p > ((k - 1) * d + 1) // 2:
            raise RuntimeError(
                f"{name}: pad should be at most half of effective kernel size, but got pad={p}, "
                f"kernel_size={k} and dilation={d}"
            )
    size = x.array.shape[2:]
    out = pool_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    if any(n < 1 for n in out):
        raise RuntimeError(
            f"{name}: Given input size: ({'x'.join(map(str, x.array.shape[1:]))}). Calculated "
            f"output size: ({'x'.join(map(str, (x.array.shape[1], *out)))}). Output size is too "
            "small"
        )
    return {
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": ceil_mode,
    }


def _max_pool(
    spatial: int,
    x: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    name = f"max_pool{spatial}d"
    batch, added = _batched(name, x, spatial)
    window = _window(name, batch, spatial, kernel, stride, padding, dilation, bool(ceil_mode))
    if not return_indices:
        y = MaxPool.apply(batch, **window)
        return y.squeeze(0) if added else y
    y, indices = MaxPool.apply(batch, with_indices=True, **window)
    return (y.squeeze(0), indices.squeeze(0)) if added else (y, indices)


def _avg_pool(
    spatial: int,
    x: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    name = f"avg_pool{spatial}d"
    batch, added = _batched(name, x, spatial)
    window = _window(name, batch, spatial, kernel, stride, padding, 1, bool(ceil_mode))
    del window["dilation"]
    if divisor == 0:
        raise RuntimeError(f"{name}: divisor must be not zero")
    y = AvgPool.apply(
        batch, count_include_pad=bool(count_include_pad), divisor_override=divisor, **window
    )
    return y.squeeze(0) if added else y


def _adaptive_size(name: str, x: Tensor, size: Any, spatial: int) -> Sizes:
    sizes = (size,) * spatial if size is None or isinstance(size, int) else tuple(size)
    if len(sizes) == 1:
        sizes = sizes * spatial
    if len(sizes) != spatial:
        raise RuntimeError(f"{name}: output_size must be one int or {spatial} of them, got {size}")
    full = tuple(
        n if s is None else int(s) for s, n in zip(sizes, x.array.shape[-spatial:], strict=False)
    )
    if any(n < 0 for n in full):
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0, got {list(full)}"
        )
    return full


def _adaptive(spatial: int, x: Any, size: Any, maximum: bool, return_indices: bool = False) -> Any:
    name = f"adaptive_{'max' if maximum else 'avg'}_pool{spatial}d"
    if (
        spatial > 1
        and isinstance(size, (list, tuple))
        and isinstance(x, Tensor)
        and x.array.ndim <= len(size)
    ):
        raise ValueError(
            f"{name}: Input dimension should be at least {len(size) + 1}, got {x.ndim}"
        )
    batch, added = _batched(name, x, spatial)
    output_size = _adaptive_size(name, batch, size, spatial)
    if not maximum:
        y = AdaptiveAvgPool.apply(batch, output_size=output_size)
        return y.squeeze(0) if added else y
    y, indices = AdaptiveMaxPool.apply(batch, output_size=output_size)
    if added:
        y, indices = y.squeeze(0), indices.squeeze(0)
    return (y, indices) if return_indices else y


def _unpool(
    spatial: int, x: Any, indices: Any, kernel: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    name = f"max_unpool{spatial}d"
    kernel = _per_axis(name, "kernel_size", kernel, spatial)
    stride = kernel if stride is None else _per_axis(name, "stride", stride, spatial)
    padding = _per_axis(name, "padding", padding, spatial)
    if not isinstance(indices, Tensor) or indices.array.dtype.kind != "i":
        raise RuntimeError(f"{name}: elements in indices should be type int64")
    if indices.array.shape != x.array.shape:
        raise RuntimeError(
            f"{name}: Expected shape of indices to be {list(x.shape)}, got {list(indices.shape)}"
        )
    batch, added = _batched(name, x, spatial)
    places = indices.unsqueeze(0) if added else indices
    default = [
        (n - 1) * s + k - 2 * p
        for n, s, k, p in zip(batch.array.shape[2:], stride, kernel, padding, strict=True)
    ]
    size = default if output_size is None else [int(n) for n in output_size][-spatial:]
    if len(size) != spatial:
        raise ValueError(
            f"{name}: output_size should be a sequence of {spatial} sizes, got {output_size}"
        )
    for n, d, s in zip(size, default, stride, strict=True):
        if not d - s < n < d + s:
            raise ValueError(
                f"{name}: invalid output_size {list(size)} (each must be within a stride of "
                f"{default})"
            )
    y = MaxUnpool.apply(batch, places, output_size=tuple(size))
    return y.squeeze(0) if added else y


# --- public ------------------------------------------------------------------------------------


@export(functional=True)
def max_pool1d(
    input: Tensor,
    kernel_size: IntOrSizes,
    stride: Any = None,
    padding: IntOrSizes = 0,
    dilation: IntOrSizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of each window of a signal (N, C, L); see `max_pool2d`."""
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@export(functional=True)
def max_pool2d(
    input: Tensor,
    kernel_size: IntOrSizes,
    stride: Any = None,
    padding: IntOrSizes = 0,
    dilation: IntOrSizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of each window. Of equal maxima the first gets the gradient.

    Args:
        input: the images.
        kernel_size: size of the window.
        stride: step of the window (default: its size).
        padding: border of -inf on both sides, at most half the window.
        dilation: distance between the elements of a window.
        ceil_mode: let a last window run over the end.
        return_indices: also return where each maximum is, as a position in the flattened plane.

    Shape:
        input (N, C, H, W) or (C, H, W); result (N, C, OH, OW) with
        OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1 (ceil with ceil_mode).

    Example:
        >>> rushlight.nn.functional.max_pool2d(rushlight.arange(16.0).reshape(1, 1, 4, 4), 2)
        tensor([[[[ 5.,  7.],
                  [13., 15.]]]])
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@export(functional=True)
@autocast("float32")
def max_pool3d(
    input: Tensor,
    kernel_size: IntOrSizes,
    stride: Any = None,
    padding: IntOrSizes = 0,
    dilation: IntOrSizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of each window of a volume (N, C, D, H, W); see `max_pool2d`."""
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@export(functional=True)
def avg_pool1d(
    input: Tensor,
    kernel_size: IntOrSizes,
    stride: Any = None,
    padding: IntOrSizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window of a signal (N, C, L); see `avg_pool2d`."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@export(functional=True)
def avg_pool2d(
    input: Tensor,
    kernel_size: IntOrSizes,
    stride: Any = None,
    padding: IntOrSizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window.

    Args:
        input: the images.
        kernel_size: size of the window.
        stride: step of the window (default: its size).
        padding: border of zeros on both sides, at most half the window.
        ceil_mode: let a last window run over the end.
        count_include_pad: count padding among the elements of a window.
        divisor_override: divide by this instead of the number of elements.

    Shape:
        input (N, C, H, W) or (C, H, W); result (N, C, OH, OW) with
        OH = floor((H + 2 padding - KH) / stride) + 1 (ceil with ceil_mode).

    Example:
        >>> rushlight.nn.functional.avg_pool2d(rushlight.arange(16.0).reshape(1, 1, 4, 4), 2)
        tensor([[[[ 2.5000,  4.5000],
                  [10.5000, 12.5000]]]])
    """
    return _avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@export(functional=True)
@autocast("float32")
def avg_pool3d(
    input: Tensor,
    kernel_size: IntOrSizes,
    stride: Any = None,
    padding: IntOrSizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of a volume (N, C, D, H, W); see `avg_pool2d`."""
    return _avg_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@export(functional=True)
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Return means over windows chosen to give a length; see `adaptive_avg_pool2d`."""
    return _adaptive(1, input, output_size, maximum=False)


@export(functional=True)
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return means over windows chosen so that the result has the given size.

    Args:
        input: the images (N, C, H, W) or (C, H, W).
        output_size: one int or two; None keeps the input's size on that axis.

    Example:
        >>> x = rushlight.arange(4.0).reshape(1, 1, 2, 2)
        >>> rushlight.nn.functional.adaptive_avg_pool2d(x, 1)
        tensor([[[[1.5000]]]])
    """
    return _adaptive(2, input, output_size, maximum=False)


@export(functional=True)
@autocast("float32")
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Return means over windows of a volume; see `adaptive_avg_pool2d`."""
    return _adaptive(3, input, output_size, maximum=False)


@export(functional=True)
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima over windows chosen so that the result has the given length."""
    return _adaptive(1, input, output_size, True, return_indices)


@export(functional=True)
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima over windows chosen to give a size; see `adaptive_avg_pool2d`."""
    return _adaptive(2, input, output_size, True, return_indices)


@export(functional=True)
@autocast("float32")
def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima over windows of a volume; see `adaptive_avg_pool2d`."""
    return _adaptive(3, input, output_size, True, return_indices)


def _with_indices(name: str, pool: Any) -> None:
    """Export a max-pool that also returns indices, like torch's `max_pool2d_with_indices`."""

    def with_indices(*args: Any, **kwargs: Any) -> Any:
        return pool(*args, **{**kwargs, "return_indices": True})

    with_indices.__doc__ = (
        f"Return the maxima and their positions: `{pool.__name__}` with return_indices=True."
    )
    export(functional=True, public=False, name=name)(with_indices)


for _pool in (
    max_pool1d,
    max_pool2d,
    max_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
):
    _with_indices(f"{_pool.__name__}_with_indices", _pool)


@export(functional=True, public=False)
def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrSizes,
    stride: Any = None,
    padding: IntOrSizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Put the maxima of `max_pool1d` back where they were; zeros elsewhere."""
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


@export(functional=True, public=False)
@autocast("float32")
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrSizes,
    stride: Any = None,
    padding: IntOrSizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Put the maxima of `max_pool2d` back where they were; zeros elsewhere."""
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


@export(functional=True, public=False)
@autocast("float32")
def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrSizes,
    stride: Any = None,
    padding: IntOrSizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Put the maxima of `max_pool3d` back where they were; zeros elsewhere."""
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _lp_pool(
    spatial: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Tensor:
    """(sum x^p)^(1/p); a window that runs over the end is scaled as if it were full."""
    name = f"lp_pool{spatial}d"
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, input)
    if input.array.ndim not in (spatial + 1, spatial + 2):
        raise RuntimeError(
            f"{name}: Expected {spatial + 1}D or {spatial + 2}D (batch mode) tensor for input, "
            f"got {list(input.shape)}"
        )
    if math.isinf(norm_type):
        sign = 1 if norm_type > 0 else -1
        return sign * _max_pool(
            spatial, sign * input.abs(), kernel_size, stride, 0, 1, ceil_mode, False
        )
    count = math.prod(_per_axis(name, "kernel_size", kernel_size, spatial))
    means = _avg_pool(spatial, input.pow(norm_type), kernel_size, stride, 0, ceil_mode, True, None)
    return (means * count).pow(1.0 / norm_type)


@export(functional=True, public=False)
def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrSizes,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the p-norm of each window of a signal (N, C, L); see `lp_pool2d`."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


@export(functional=True, public=False)
def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrSizes,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (sum x^p)^(1/p) over each window.

    Args:
        input: the images.
        norm_type: p.
        kernel_size: size of the window.
        stride: step of the window (default: its size).
        ceil_mode: let a last window run over the end.

    Example:
        >>> rushlight.nn.functional.lp_pool2d(rushlight.tensor([[[3.0, 4.0]]]), 2, (1, 2))
        tensor([[[5.]]])
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


@export(functional=True, public=False)
def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrSizes,
    stride: Any = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the p-norm of each window of a volume (N, C, D, H, W); see `lp_pool2d`."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)
