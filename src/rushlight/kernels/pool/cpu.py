"""Native float32 pooling: registers the fast paths of `kernels.pool`."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from rushlight._typing import Array
from rushlight.backend.memory_format import empty_channels_last, is_channels_last
from rushlight.kernels import pool as reference
from rushlight.kernels._native import core
from rushlight.kernels._window import pool_output_size

Sizes = tuple[int, ...]


@reference.max_pool.fast(np.ndarray, rounded=(0,))
def max_pool_native(
    x: Array, *, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> Any:
    """Decline all but float32, one or two spatial axes, windows of up to 256."""
    if not _ours(x) or prod(kernel) > 256:
        return NotImplemented
    out = pool_output_size(x.shape[2:], kernel, stride, padding, dilation, ceil_mode)
    shape = (*x.shape[:2], *out)
    options = _options(kernel, stride, padding, dilation)
    if is_channels_last(x):
        y, offsets = empty_channels_last(shape, np.float32), empty_channels_last(shape, np.uint8)
        done = core.max_pool_last_forward(_pixels(x), _pixels(y), _pixels(offsets), *options)
    else:
        y, offsets = np.empty(shape, np.float32), np.empty(shape, np.uint8)
        done = core.max_pool_forward(_planes(x), _planes(y), _planes(offsets), *options)
    return NotImplemented if done is NotImplemented else (y, offsets)


@reference.max_pool_grad.fast(np.ndarray, rounded=(0,))
def max_pool_grad_native(
    g: Array,
    offsets: Array,
    *,
    input_shape: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
) -> Any:
    """Decline all but float32, one or two spatial axes, uint8 offsets."""
    if not _ours(g):
        return NotImplemented
    options = _options(kernel, stride, padding, dilation)
    if is_channels_last(offsets):
        gx = empty_channels_last(input_shape, np.float32)
        done = core.max_pool_last_backward(_pixels(g), _pixels(offsets), _pixels(gx), *options)
    else:
        gx = np.empty(input_shape, np.float32)
        done = core.max_pool_backward(_planes(g), _planes(offsets), _planes(gx), *options)
    return NotImplemented if done is NotImplemented else gx


@reference.avg_pool.fast(np.ndarray, rounded=(0,))
def avg_pool_native(
    x: Array,
    *,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """Decline all but float32 with one or two spatial axes."""
    if not _ours(x):
        return NotImplemented
    once = (1,) * len(kernel)
    out = pool_output_size(x.shape[2:], kernel, stride, padding, once, ceil_mode)
    shape = (*x.shape[:2], *out)
    options = (*_options(kernel, stride, padding), count_include_pad, divisor_override or 0)
    if is_channels_last(x):
        y = empty_channels_last(shape, np.float32)
        done = core.avg_pool_last_forward(_pixels(x), _pixels(y), *options)
    else:
        y = np.empty(shape, np.float32)
        done = core.avg_pool_forward(_planes(x), _planes(y), *options)
    return NotImplemented if done is NotImplemented else y


@reference.avg_pool_grad.fast(np.ndarray, rounded=(0,))
def avg_pool_grad_native(
    g: Array,
    *,
    input_shape: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """Decline all but float32 with one or two spatial axes."""
    if not _ours(g):
        return NotImplemented
    options = (*_options(kernel, stride, padding), count_include_pad, divisor_override or 0)
    if is_channels_last(g):
        gx = empty_channels_last(input_shape, np.float32)
        done = core.avg_pool_last_backward(_pixels(g), _pixels(gx), *options)
    else:
        gx = np.empty(input_shape, np.float32)
        done = core.avg_pool_backward(_planes(g), _planes(gx), *options)
    return NotImplemented if done is NotImplemented else gx


@reference.adaptive_avg_pool.fast(np.ndarray, rounded=(0,))
def adaptive_avg_pool_native(x: Array, *, output_size: Sizes) -> Any:
    """Where every window has the same size, this is an average pool without overlap."""
    size = x.shape[2:]
    if not _ours(x) or any(o <= 0 or n % o for n, o in zip(size, output_size, strict=True)):
        return NotImplemented
    kernel = tuple(n // o for n, o in zip(size, output_size, strict=True))
    return avg_pool_native(
        x,
        kernel=kernel,
        stride=kernel,
        padding=(0,) * len(kernel),
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    )


def _ours(x: Array) -> bool:
    return x.dtype == np.float32 and x.ndim in (3, 4)


def _planes(x: Array) -> Array:
    """C order, and H = 1 where there is only one spatial axis."""
    x = np.ascontiguousarray(x)
    return x[:, :, None] if x.ndim == 3 else x


def _pixels(x: Array) -> Array:
    """(N, H, W, C) in C order."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def _options(*options: Sizes) -> list[int]:
    """Flatten to (h, w) pairs; the missing h of a single axis is a window of 1 without padding."""
    if len(options[0]) == 2:
        return [value for pair in options for value in pair]
    missing = (1, 1, 0, 1)
    return [v for h, (w,) in zip(missing, options, strict=False) for v in (h, w)]
