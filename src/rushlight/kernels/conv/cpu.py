"""Native float32 convolution: registers the fast paths of `kernels.conv`."""

from __future__ import annotations

from typing import Any

import numpy as np

from rushlight._typing import Array
from rushlight.backend.memory_format import empty_channels_last, is_channels_last
from rushlight.kernels import conv as reference
from rushlight.kernels._native import core
from rushlight.kernels._window import conv_output_size

Sizes = tuple[int, ...]


@reference.conv.fast(np.ndarray, rounded=(0,))
def conv_native(x: Array, w: Array, b: Array | None = None, **options: Any) -> Array:
    """Decline all but float32 with one or two spatial axes."""
    return _forward(x, w, b, relu=False, **options)


@reference.conv_relu.fast(np.ndarray, rounded=(0,))
def conv_relu_native(x: Array, w: Array, b: Array | None = None, **options: Any) -> Array:
    """As `conv_native`, with max(y, 0) taken while y is still in registers."""
    return _forward(x, w, b, relu=True, **options)


def _forward(
    x: Array,
    w: Array,
    b: Array | None,
    *,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
    relu: bool,
) -> Array:
    if not _ours(x, w):
        return NotImplemented
    out = conv_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    shape = (x.shape[0], w.shape[0], *out)
    options = (*_options(stride, padding, dilation), groups)
    if is_channels_last(x) or is_channels_last(w):
        y = empty_channels_last(shape, np.float32)
        done = core.conv_last_forward(_pixels(x), _pixels(w), b, _pixels(y), *options, relu)
    else:
        y = np.empty(shape, np.float32)
        done = core.conv_forward(_planes(x), _planes(w), b, _planes(y), *options, relu)
    return NotImplemented if done is NotImplemented else y


@reference.conv_grad_input.fast(np.ndarray, rounded=(0,))
def conv_grad_input_native(
    g: Array,
    w: Array,
    *,
    input_shape: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Decline all but float32 with one or two spatial axes."""
    if not _ours(g, w):
        return NotImplemented
    options = (*_options(stride, padding, dilation), groups)
    if is_channels_last(g) or is_channels_last(w):
        gx = empty_channels_last(input_shape, np.float32)
        done = core.conv_last_backward_input(_pixels(g), _pixels(w), _pixels(gx), *options)
    else:
        gx = np.empty(input_shape, np.float32)
        done = core.conv_backward_input(_planes(g), _planes(w), _planes(gx), *options)
    return NotImplemented if done is NotImplemented else gx


@reference.conv_grad_weight.fast(np.ndarray, rounded=(0,))
def conv_grad_weight_native(
    g: Array,
    x: Array,
    *,
    weight_shape: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Decline all but float32 with one or two spatial axes."""
    if not _ours(g, x):
        return NotImplemented
    options = (*_options(stride, padding, dilation), groups)
    if is_channels_last(g) or is_channels_last(x):
        gw = empty_channels_last(weight_shape, np.float32)
        done = core.conv_last_backward_weight(_pixels(g), _pixels(x), _pixels(gw), *options)
    else:
        gw = np.empty(weight_shape, np.float32)
        done = core.conv_backward_weight(_planes(g), _planes(x), _planes(gw), *options)
    return NotImplemented if done is NotImplemented else gw


@reference.conv_grad_bias.fast(np.ndarray, rounded=(0,))
def conv_grad_bias_native(g: Array) -> Array:
    """Decline all but dense float32."""
    gb = np.empty(g.shape[1], dtype=np.float32)
    if is_channels_last(g):
        done = core.conv_last_backward_bias(g.transpose(0, *range(2, g.ndim), 1), gb)
    else:
        done = core.conv_backward_bias(g, gb)
    return NotImplemented if done is NotImplemented else gb


def _ours(*arrays: Array) -> bool:
    return all(a.dtype == np.float32 and a.ndim in (3, 4) for a in arrays)


def _planes(x: Array) -> Array:
    """C order, and H = 1 where there is only one spatial axis."""
    x = np.ascontiguousarray(x)
    return x[:, :, None] if x.ndim == 3 else x


def _pixels(x: Array) -> Array:
    """(N, H, W, C) in C order."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def _options(stride: Sizes, padding: Sizes, dilation: Sizes) -> tuple[int, ...]:
    if len(stride) == 1:
        return 1, stride[0], 0, padding[0], 1, dilation[0]
    return (*stride, *padding, *dilation)
