"""Windows of an image as columns (im2col), and columns added back into an image (col2im).

x (N, C, H, W) and columns (N, C K, L): row (c, k) holds what element k of the window meets in
channel c, column l belongs to window l in scan order. Any dtype and strides; new arrays. The two
are transposes of each other.
"""

from __future__ import annotations

from math import prod

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.kernels._window import (
    conv_output_size,
    inner,
    pad_spatial,
    padded_size,
    window_slices,
)

Sizes = tuple[int, ...]


def columns(x: Array, *, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Array:
    """Return the windows of x as columns (N, C K, L)."""
    out = conv_output_size(x.shape[2:], kernel, stride, padding, dilation)
    padded = pad_spatial(
        x, padded_size(kernel, stride, dilation, out, x.shape[2:], padding), padding
    )
    y = array_module(x).empty((*x.shape[:2], *kernel, *out), dtype=x.dtype)
    for at, window in window_slices(kernel, stride, dilation, out):
        y[(slice(None), slice(None), *at)] = padded[(..., *window)]
    return y.reshape(x.shape[0], x.shape[1] * prod(kernel), prod(out))


def from_columns(
    x: Array, *, size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> Array:
    """Add columns (N, C K, L) into zero images (N, C, *size) at the windows they came from."""
    out = conv_output_size(size, kernel, stride, padding, dilation)
    n, channels = x.shape[0], x.shape[1] // prod(kernel)
    windows = x.reshape(n, channels, *kernel, *out)
    extent = padded_size(kernel, stride, dilation, out, size, padding)
    y = array_module(x).zeros((n, channels, *extent), dtype=x.dtype)
    for at, window in window_slices(kernel, stride, dilation, out):
        y[(..., *window)] += windows[(slice(None), slice(None), *at)]
    return y[(..., *inner(size, padding))].copy()
