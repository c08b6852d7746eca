"""Convolution in one, two or three dimensions, and its two gradients.

    y[n, o, p] = b[o] + sum over c, k of w[o, c, k] * x[n, c, p * stride - padding + k * dilation]

Shapes: x (N, C, *S), w (O, C / G, *K), b (O), y and g (N, O, *OS). `stride`, `padding` and
`dilation` hold one integer per spatial axis. float16 and bfloat16 are computed in float32 and
rounded once. Results are channels-last where one of the two arrays they are made from is, else in
C order.

The reference unrolls the windows of x into columns, so that each of the three is one matrix
product per group (Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks
for Document Processing", 2006).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from math import prod

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.backend.memory_format import in_format, is_channels_last
from rushlight.kernels._kernel import add_native, kernel
from rushlight.kernels._precision import is_half, widen
from rushlight.kernels._window import (
    conv_output_size,
    inner,
    pad_spatial,
    padded_size,
    window_slices,
)

Sizes = tuple[int, ...]

# Columns are K times the input; at most 16 MB of float32 exist at a time.
_COLUMN_ELEMENTS = 1 << 22


@kernel
def conv(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Convolve x (N, C, *S) with w (O, C/G, *K); any numeric dtype and strides; new (N, O, *OS)."""
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if is_half(x):
        return conv(widen(x), widen(w), None if b is None else widen(b), **options).astype(x.dtype)
    xp = array_module(x)
    n, o = x.shape[0], w.shape[0]
    out = conv_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    rows = _weight_matrix(w, groups)  # (G, O/G, CK)
    y = xp.empty((n, o, *out), dtype=xp.result_type(x.dtype, w.dtype))
    for part in _batches(n, prod(w.shape[1:]) * groups * prod(out)):
        columns = _columns(x[part], w.shape[2:], out, stride, padding, dilation, groups)
        y[part] = _batch_first(xp.matmul(rows, columns), o, out)
    if b is not None:
        y += b.reshape(-1, *(1,) * len(out))
    return in_format(y, is_channels_last(x) or is_channels_last(w))


@kernel
def conv_relu(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Convolve and keep what is positive: max(conv(x, w, b), 0); same contract as `conv`.

    Its gradient is that of the convolution with g set to 0 where y <= 0.
    """
    y = conv(x, w, b, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return array_module(x).maximum(y, 0, out=y)


@kernel
def conv_grad_input(
    g: Array,
    w: Array,
    *,
    input_shape: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Gradient of `conv` by x, shape `input_shape`; this is also the transposed convolution of g.

    Any numeric dtype and strides; returns a new array. Rows of the input that no window
    reached get 0.
    """
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if is_half(g):
        wide = conv_grad_input(widen(g), widen(w), input_shape=input_shape, **options)
        return wide.astype(g.dtype)
    xp = array_module(g)
    n = g.shape[0]
    size, k, out = input_shape[2:], w.shape[2:], g.shape[2:]
    rows = _weight_matrix(w, groups).swapaxes(1, 2)  # (G, CK, O/G)
    extent = padded_size(k, stride, dilation, out, size, padding)
    gx = xp.zeros((n, input_shape[1], *extent), dtype=xp.result_type(g.dtype, w.dtype))
    for part in _batches(n, rows.shape[0] * rows.shape[1] * prod(out)):
        columns = xp.matmul(rows, _group_first(g[part], groups))  # (G, CK, nL)
        columns = columns.reshape(input_shape[1], *k, -1, *out)
        target = gx[part].swapaxes(0, 1)
        for at, window in window_slices(k, stride, dilation, out):
            target[(..., *window)] += columns[(slice(None), *at)]
    last = is_channels_last(g) or is_channels_last(w)
    return in_format(gx[(..., *inner(size, padding))], last)


@kernel
def conv_grad_weight(
    g: Array,
    x: Array,
    *,
    weight_shape: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Gradient of `conv` by w, shape `weight_shape`; any numeric dtype and strides; new array."""
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if is_half(g):
        wide = conv_grad_weight(widen(g), widen(x), weight_shape=weight_shape, **options)
        return wide.astype(g.dtype)
    xp = array_module(g)
    k, out = weight_shape[2:], g.shape[2:]
    shape = (groups, weight_shape[0] // groups, prod(weight_shape[1:]))
    gw = xp.zeros(shape, dtype=xp.result_type(g.dtype, x.dtype))
    for part in _batches(x.shape[0], shape[2] * groups * prod(out)):
        columns = _columns(x[part], k, out, stride, padding, dilation, groups)
        gw += xp.matmul(_group_first(g[part], groups), columns.swapaxes(1, 2))
    return in_format(gw.reshape(weight_shape), is_channels_last(g) or is_channels_last(x))


@kernel
def conv_grad_bias(g: Array) -> Array:
    """Gradient of `conv` by b: the sum of g (N, O, *OS) over all but O; any dtype; new (O)."""
    wide = widen(g)
    per_sample = wide.reshape(*g.shape[:2], prod(g.shape[2:])).sum(axis=2, dtype=wide.dtype)
    return per_sample.sum(axis=0, dtype=wide.dtype).astype(g.dtype, copy=False)


def _batches(n: int, elements: int) -> Iterator[slice]:
    """Split N samples into runs whose columns (`elements` each) stay within the limit."""
    step = max(1, _COLUMN_ELEMENTS // max(1, elements))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def _weight_matrix(w: Array, groups: int) -> Array:
    return w.reshape(groups, w.shape[0] // groups, prod(w.shape[1:]))  # (G, O/G, CK)


def _columns(
    x: Array, k: Sizes, out: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Array:
    """Unroll the windows of x: element (g, ck, nl) is what weight ck of group g meets at nl."""
    n, c = x.shape[:2]
    extent = padded_size(k, stride, dilation, out, x.shape[2:], padding)
    padded = pad_spatial(x, extent, padding).swapaxes(0, 1)
    columns = array_module(x).empty((c, *k, n, *out), dtype=x.dtype)
    for at, window in window_slices(k, stride, dilation, out):
        columns[(slice(None), *at)] = padded[(..., *window)]
    return columns.reshape(groups, c // groups * prod(k), n * prod(out))


def _group_first(g: Array, groups: int) -> Array:
    """(N, O, *OS) -> (G, O/G, NL)."""
    n, o = g.shape[:2]
    return g.swapaxes(0, 1).reshape(groups, o // groups, n * prod(g.shape[2:]))


def _batch_first(y: Array, o: int, out: Sizes) -> Array:
    """(G, O/G, NL) -> (N, O, *OS)."""
    length = prod(out)
    n = y.shape[2] // length if length else 0
    return y.reshape(o, n, *out).swapaxes(0, 1)


add_native(__name__)
importlib.import_module(f"{__name__}.meta")
