"""Max and average pooling in one, two or three dimensions, fixed and adaptive windows.

Shapes: x (N, C, *S), y and g (N, C, *OS); any strides; every result is a new array, channels-last
if the first argument is (in `max_pool_grad`, `scatter_planes`: if the positions are). Window
options hold one integer per spatial axis. float16 and bfloat16 are computed in float32.

A maximum is remembered as `offsets`: its position inside its window, uint8 where the window has
at most 256 elements. That is an eighth of the int64 plane index, which `max_pool_indices` makes
from it when the caller wants to see it.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.backend.memory_format import in_format, is_channels_last
from rushlight.kernels._kernel import add_native, kernel
from rushlight.kernels._precision import widen
from rushlight.kernels._window import (
    inner,
    lowest,
    pad_spatial,
    padded_size,
    pool_output_size,
    window_slices,
)

Sizes = tuple[int, ...]


@kernel
def max_pool(
    x: Array, *, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> tuple[Array, Array]:
    """Return the maximum of every window and its offset; any real dtype.

    Of equal maxima the first in scan order is taken; NaN is greater than everything, and of
    several the last is taken (as torch). Padding never wins.
    """
    xp = array_module(x)
    size = x.shape[2:]
    out = pool_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    extent = padded_size(kernel, stride, dilation, out, size, padding)
    low = lowest(x.dtype)
    padded = pad_spatial(x, extent, padding, low)
    y = xp.full((*x.shape[:2], *out), low, dtype=x.dtype)
    offsets = xp.empty(y.shape, dtype=np.uint8 if prod(kernel) <= 256 else np.int32)
    offsets[...] = xp.asarray(_first_inside(kernel, stride, padding, dilation, out))
    for i, (_, window) in enumerate(window_slices(kernel, stride, dilation, out)):
        value = padded[(..., *window)]
        better = (value > y) | xp.isnan(value)
        xp.copyto(y, value, where=better)
        offsets[better] = i
    last = is_channels_last(x)
    return in_format(y, last), in_format(offsets, last)


@kernel
def max_pool_indices(
    offsets: Array,
    *,
    input_size: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
) -> Array:
    """Turn offsets (N, C, *OS) into int64 positions in each flattened input plane."""
    xp = array_module(offsets)
    inside = xp.unravel_index(offsets.astype(np.int64), kernel)
    flat = xp.zeros(offsets.shape, dtype=np.int64)
    for axis, (n, k) in enumerate(zip(input_size, inside, strict=True)):
        steps = xp.arange(offsets.shape[2 + axis]).reshape(-1, *(1,) * (len(kernel) - 1 - axis))
        flat *= n
        flat += steps * stride[axis] - padding[axis] + k * dilation[axis]
    return in_format(flat, is_channels_last(offsets))


@kernel
def max_pool_grad(
    g: Array,
    offsets: Array,
    *,
    input_shape: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
) -> Array:
    """Gradient of `max_pool`: each g goes to the element that won; overlaps add up."""
    xp = array_module(g)
    size, out = input_shape[2:], g.shape[2:]
    wide = widen(g)
    extent = padded_size(kernel, stride, dilation, out, size, padding)
    gx = xp.zeros((*input_shape[:2], *extent), dtype=wide.dtype)
    for i, (_, window) in enumerate(window_slices(kernel, stride, dilation, out)):
        gx[(..., *window)] += xp.where(offsets == i, wide, 0)
    gx = gx[(..., *inner(size, padding))].astype(g.dtype)
    return in_format(gx, is_channels_last(offsets))


@kernel
def max_pool_take(
    x: Array,
    offsets: Array,
    *,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
) -> Array:
    """Take from x the elements that won; the linear map that `max_pool_grad` transposes."""
    xp = array_module(x)
    out = offsets.shape[2:]
    extent = padded_size(kernel, stride, dilation, out, x.shape[2:], padding)
    padded = pad_spatial(x, extent, padding)
    y = xp.zeros(offsets.shape, dtype=x.dtype)
    for i, (_, window) in enumerate(window_slices(kernel, stride, dilation, out)):
        xp.copyto(y, padded[(..., *window)], where=offsets == i)
    return in_format(y, is_channels_last(offsets))


@kernel
def avg_pool(
    x: Array,
    *,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    """Return the mean of every window; any real dtype (integers divide towards zero)."""
    xp = array_module(x)
    size, once = x.shape[2:], (1,) * len(kernel)
    out = pool_output_size(size, kernel, stride, padding, once, ceil_mode)
    wide = widen(x)
    padded = pad_spatial(wide, padded_size(kernel, stride, once, out, size, padding), padding)
    y = xp.zeros((*x.shape[:2], *out), dtype=wide.dtype)
    for _, window in window_slices(kernel, stride, once, out):
        y += padded[(..., *window)]
    count = _divisor(size, kernel, stride, padding, out, count_include_pad, divisor_override)
    y = _divide(y, xp.asarray(count)).astype(x.dtype, copy=False)
    return in_format(y, is_channels_last(x))


@kernel
def avg_pool_grad(
    g: Array,
    *,
    input_shape: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    """Gradient of `avg_pool`: every element of a window gets its share of g."""
    xp = array_module(g)
    size, out, once = input_shape[2:], g.shape[2:], (1,) * len(kernel)
    count = _divisor(size, kernel, stride, padding, out, count_include_pad, divisor_override)
    share = _divide(widen(g), xp.asarray(count))
    extent = padded_size(kernel, stride, once, out, size, padding)
    gx = xp.zeros((*input_shape[:2], *extent), dtype=share.dtype)
    for _, window in window_slices(kernel, stride, once, out):
        gx[(..., *window)] += share
    gx = gx[(..., *inner(size, padding))].astype(g.dtype)
    return in_format(gx, is_channels_last(g))


@kernel
def adaptive_avg_pool(x: Array, *, output_size: Sizes) -> Array:
    """Return the means of O windows per axis, [floor(o I / O), ceil((o + 1) I / O)).

    Any float dtype.
    """
    xp = array_module(x)
    y = widen(x)
    for axis, out in enumerate(output_size, start=2):
        windows = _adaptive_windows(x.shape[axis], out)
        means = [_along(y, axis, start, end).mean(axis=axis) for start, end in windows]
        shape = (*y.shape[:axis], out, *y.shape[axis + 1 :])
        y = xp.stack(means, axis=axis) if means else xp.empty(shape, dtype=y.dtype)
    return in_format(y.astype(x.dtype, copy=False), is_channels_last(x))


@kernel
def adaptive_avg_pool_grad(g: Array, *, input_shape: Sizes) -> Array:
    """Gradient of `adaptive_avg_pool`: each g is shared equally by its window."""
    xp = array_module(g)
    gx = widen(g)
    for axis in range(2, g.ndim):
        size = input_shape[axis]
        grown = xp.zeros((*gx.shape[:axis], size, *gx.shape[axis + 1 :]), dtype=gx.dtype)
        for o, (start, end) in enumerate(_adaptive_windows(size, gx.shape[axis])):
            _along(grown, axis, start, end)[...] += _along(gx, axis, o, o + 1) / (end - start)
        gx = grown
    return in_format(gx.astype(g.dtype, copy=False), is_channels_last(g))


@kernel
def adaptive_max_pool(x: Array, *, output_size: Sizes) -> tuple[Array, Array]:
    """Return the maxima of adaptive windows and their int64 plane indices; any real dtype.

    Ties and NaN as in `max_pool`.
    """
    xp = array_module(x)
    size = x.shape[2:]
    y = xp.empty((*x.shape[:2], *output_size), dtype=x.dtype)
    indices = xp.empty(y.shape, dtype=np.int64)
    positions = xp.arange(prod(size)).reshape(size)
    windows = [_adaptive_windows(n, out) for n, out in zip(size, output_size, strict=True)]
    for o in product(*map(range, output_size)):
        window = tuple(slice(*windows[axis][i]) for axis, i in enumerate(o))
        flat = x[(..., *window)].reshape(*x.shape[:2], -1) if x.size else x.reshape(0, 1, 1)
        best = _last_nan_or_first_max(flat) if x.size else flat.argmax(axis=-1)
        y[(..., *o)] = xp.take_along_axis(flat, best[..., None], axis=-1)[..., 0]
        indices[(..., *o)] = positions[window].reshape(-1)[best]
    last = is_channels_last(x)
    return in_format(y, last), in_format(indices, last)


@kernel
def scatter_planes(g: Array, indices: Array, *, input_shape: Sizes) -> Array:
    """Add g (N, C, *OS) into zero planes of `input_shape` at plane indices; any real dtype.

    The gradient of `adaptive_max_pool`, and of any pooling whose indices are known.
    """
    xp = array_module(g)
    planes, length = input_shape[0] * input_shape[1], prod(input_shape[2:])
    start = (xp.arange(planes) * length).reshape(-1, 1)
    where = (indices.reshape(planes, prod(indices.shape[2:])) + start).reshape(-1)
    gx = xp.bincount(where, weights=widen(g).reshape(-1), minlength=planes * length)
    return in_format(gx.reshape(input_shape).astype(g.dtype), is_channels_last(indices))


@kernel
def take_planes(x: Array, indices: Array) -> Array:
    """Take from each plane of x (N, C, *S) the elements at plane indices (N, C, *OS)."""
    xp = array_module(x)
    n, c = x.shape[:2]
    flat = x.reshape(n, c, prod(x.shape[2:]))
    where = indices.reshape(n, c, prod(indices.shape[2:]))
    y = xp.take_along_axis(flat, where, axis=2).reshape(indices.shape)
    return in_format(y, is_channels_last(indices))


@kernel
def max_unpool(x: Array, indices: Array, *, output_size: Sizes) -> Array:
    """Put x (N, C, *S) into zero planes of `output_size` at plane indices; any real dtype.

    Of several values for one place the last one stays.

    Raises:
        RuntimeError: an index lies outside its plane.
    """
    xp = array_module(x)
    length = prod(output_size)
    wrong = (indices < 0) | (indices >= length)
    if wrong.any():
        extent = "x".join(map(str, output_size))
        raise RuntimeError(
            f"max_unpool: Found an invalid max index: {int(indices[wrong][0])} "
            f"(output volumes are of size {extent})"
        )
    n, c = x.shape[:2]
    y = xp.zeros((n * c, length), dtype=x.dtype)
    places = prod(x.shape[2:])
    y[xp.arange(n * c)[:, None], indices.reshape(n * c, places)] = x.reshape(n * c, places)
    return in_format(y.reshape(n, c, *output_size), is_channels_last(x))


def _first_inside(
    kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, out: Sizes
) -> np.ndarray:
    """Offset of each window's first element that is not padding; what an all -inf window gets."""
    first = np.zeros(out, dtype=np.int64)
    for axis, (k, s, p, d, n) in enumerate(
        zip(kernel, stride, padding, dilation, out, strict=True)
    ):
        outside = np.maximum(p - np.arange(n) * s, 0)
        skipped = -(-outside // d)
        first = first * k + skipped.reshape(-1, *(1,) * (len(out) - 1 - axis))
    return first


def _divisor(
    size: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    out: Sizes,
    count_include_pad: bool,
    divisor_override: int | None,
) -> np.ndarray:
    """Number each window's sum is divided by, shape `out`.

    A window that ceil_mode lets run past the padding does not count what lies beyond it.
    """
    if divisor_override is not None:
        return np.full(out, divisor_override)
    count = np.ones(out, dtype=np.int64)
    for axis, (n, k, s, p, o) in enumerate(zip(size, kernel, stride, padding, out, strict=True)):
        start = np.arange(o) * s - p
        end = np.minimum(start + k, n + p)
        if not count_include_pad:
            start, end = np.maximum(start, 0), np.minimum(end, n)
        count = count * (end - start).reshape(-1, *(1,) * (len(out) - 1 - axis))
    return count


def _divide(total: Array, count: Array) -> Array:
    if total.dtype.kind in "iu":
        # Towards zero, as C divides.
        xp = array_module(total)
        return xp.abs(total) // xp.abs(count) * xp.sign(total) * xp.sign(count)
    return total / count.astype(total.dtype)


def _adaptive_windows(size: int, out: int) -> list[tuple[int, int]]:
    return [(o * size // out, -(-(o + 1) * size // out)) for o in range(out)]


def _along(x: Array, axis: int, start: int, end: int) -> Array:
    return x[(*(slice(None),) * axis, slice(start, end))]


def _last_nan_or_first_max(x: Array) -> Array:
    """Position of the maximum along the last axis; where there is NaN, that of the last NaN."""
    best = x.argmax(axis=-1)
    nan = array_module(x).isnan(x)
    if not nan.any():
        return best
    last = x.shape[-1] - 1 - nan[..., ::-1].argmax(axis=-1)
    return array_module(x).where(nan.any(axis=-1), last, best)


add_native(__name__)
