"""Batch, layer, group and RMS normalisation, and their gradients.

    xhat = (x - mean) * rstd,    rstd = 1 / sqrt(var + eps),    y = xhat * w + b

`var` is the biased variance. Statistics come from two passes (mean first, then the mean of
squared deviations), because E[x^2] - E[x]^2 cancels. float16 and bfloat16 inputs are computed in
float32 and so are their statistics. w and b may be None. Every result is a new array; those of
batch and group normalisation that have x's shape are channels-last if x is.

With n elements per group and u = g * w, every one of them has the gradient

    gx = rstd * (u - mean(u) - xhat * mean(u * xhat))

Instance normalisation is `group_norm` with one group per channel.
"""

from __future__ import annotations

from math import prod

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.backend.memory_format import in_format, is_channels_last
from rushlight.kernels._kernel import add_native, kernel
from rushlight.kernels._precision import widen
from rushlight.kernels.activation import relu_grad


@kernel
def batch_norm(
    x: Array, w: Array | None, b: Array | None, *, eps: float, relu: bool = False
) -> tuple[Array, Array, Array, Array]:
    """Normalise x (N, C, *S) per channel by its own statistics; any float dtype and strides.

    Returns y (max(y, 0) with `relu`), mean (C), rstd (C) and the biased variance (C), from which
    the caller updates running statistics.
    """
    mean, rstd, var = batch_norm_statistics(x, eps=eps)
    return batch_norm_apply(x, w, b, mean, rstd, relu=relu), mean, rstd, var


@kernel
def batch_norm_statistics(x: Array, *, eps: float) -> tuple[Array, Array, Array]:
    """Return mean, rstd and biased variance (C) of x (N, C, *S), in at least float32."""
    wide = widen(x)
    count = x.size // max(1, x.shape[1])
    mean = _channel_sum(wide) / count
    centred = wide - _per_channel(mean, x.ndim)
    var = _channel_sum(centred * centred) / count
    return mean, _rstd(var, eps), var


@kernel
def batch_norm_apply(
    x: Array, w: Array | None, b: Array | None, mean: Array, rstd: Array,
    residual: Array | None = None, *, relu: bool = False,
) -> Array:  # fmt: skip
    """Normalise x (N, C, *S) by statistics (C), add `residual` (as x), take max(y, 0) with `relu`.

    Any float dtype and strides; the result has x's dtype.
    """
    centred = widen(x) - _per_channel(widen(mean), x.ndim)
    y = _affine(centred * _per_channel(widen(rstd), x.ndim), w, b)
    if residual is not None:
        y = y + widen(residual)
    if relu:
        y = array_module(y).maximum(y, 0)
    return _like(y, x)


def batch_norm_eval(
    x: Array, w: Array | None, b: Array | None, mean: Array, var: Array, *, eps: float
) -> Array:
    """Normalise x (N, C, *S) per channel by given statistics; any float dtype and strides."""
    return batch_norm_apply(x, w, b, mean, deviation(var, eps))


def deviation(var: Array, eps: float) -> Array:
    """Return rstd = 1 / sqrt(var + eps), in at least float32, as `batch_norm_apply` takes it."""
    wide = widen(var)
    return _rstd(wide.astype(np.float64, copy=False), eps).astype(wide.dtype, copy=False)


@kernel
def batch_norm_grad(
    g: Array, x: Array, w: Array | None, mean: Array, rstd: Array, y: Array | None = None, *,
    training: bool,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Gradients of batch normalisation by x, w and b; any float dtype and strides.

    With training=False mean and rstd are constants, so gx = g * w * rstd. `y`: the result of a
    ReLU behind the normalisation; g is then that result's gradient.
    """
    wide_g, ndim = widen(g), x.ndim
    if y is not None:
        wide_g = relu_grad(wide_g, widen(y))
    xhat = (widen(x) - _per_channel(widen(mean), ndim)) * _per_channel(rstd, ndim)
    gw = _channel_sum(wide_g * xhat)
    gb = _channel_sum(wide_g)
    scale = rstd if w is None else rstd * widen(w)
    if training:
        count = x.size // max(1, x.shape[1])
        shift = _per_channel(gb / count, ndim) + xhat * _per_channel(gw / count, ndim)
        gx = (wide_g - shift) * _per_channel(scale, ndim)
    else:
        gx = wide_g * _per_channel(scale, ndim)
    dtype = x.dtype if w is None else w.dtype
    return (
        _like(gx, x),
        gw.astype(dtype, copy=False),
        gb.astype(dtype, copy=False),
    )


@kernel
def layer_norm(
    x: Array, w: Array | None, b: Array | None, *, axes: int, eps: float
) -> tuple[Array, Array, Array]:
    """Normalise x over its last `axes` axes; w and b have their shape; any float dtype.

    Returns y, mean and rstd; the statistics keep the normalised axes with size 1.
    """
    last = _last(x.ndim, axes)
    centred, mean, rstd = _standardise(widen(x), last, eps)
    y = centred * rstd
    if w is not None:
        y = y * widen(w)
    if b is not None:
        y = y + widen(b)
    return y.astype(x.dtype, copy=False), mean, rstd


@kernel
def layer_norm_grad(
    g: Array, x: Array, w: Array | None, mean: Array, rstd: Array, *, axes: int
) -> tuple[Array, Array, Array]:
    """Gradients of `layer_norm` by x, w and b (the last two as if w were given)."""
    wide_g = widen(g)
    xhat = (widen(x) - mean) * rstd
    rows = tuple(range(x.ndim - axes))
    shape = (prod(x.shape[: x.ndim - axes]), *x.shape[x.ndim - axes :])
    gw = _sum_rows((wide_g * xhat).reshape(shape))
    gb = _sum_rows(wide_g.reshape(shape))
    u = wide_g if w is None else wide_g * widen(w)
    gx = _standardise_grad(u, xhat, rstd, tuple(range(len(rows), x.ndim)))
    dtype = x.dtype if w is None else w.dtype
    return (
        gx.astype(x.dtype, copy=False),
        gw.astype(dtype, copy=False),
        gb.astype(dtype, copy=False),
    )


@kernel
def group_norm(
    x: Array, w: Array | None, b: Array | None, *, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    """Normalise x (N, C, *S) over C / groups channels and all of S; w and b are (C).

    Any float dtype and strides. Returns y, mean (N, groups) and rstd (N, groups).
    """
    n = x.shape[0]
    rows = _group_rows(widen(x), groups)
    centred, mean, rstd = _standardise(rows, (1,), eps)
    y = _affine((centred * rstd).reshape(x.shape), w, b)
    return _like(y, x), mean.reshape(n, groups), rstd.reshape(n, groups)


@kernel
def group_norm_grad(
    g: Array, x: Array, w: Array | None, mean: Array, rstd: Array, *, groups: int
) -> tuple[Array, Array, Array]:
    """Gradients of `group_norm` by x, w and b (the last two as if w were given)."""
    wide_g = widen(g)
    rstd = rstd.reshape(-1, 1)
    xhat = (_group_rows(widen(x), groups) - mean.reshape(-1, 1)) * rstd
    gw = _channel_sum(wide_g * xhat.reshape(x.shape))
    gb = _channel_sum(wide_g)
    u = wide_g if w is None else wide_g * _per_channel(widen(w), x.ndim)
    gx = _standardise_grad(_group_rows(u, groups), xhat, rstd, (1,)).reshape(x.shape)
    dtype = x.dtype if w is None else w.dtype
    return (
        _like(gx, x),
        gw.astype(dtype, copy=False),
        gb.astype(dtype, copy=False),
    )


@kernel
def rms_norm(x: Array, w: Array | None, *, axes: int, eps: float) -> tuple[Array, Array]:
    """Divide x by its root mean square over the last `axes` axes: y = x * rstd * w.

    Any float dtype. Returns y and rstd = 1 / sqrt(mean(x^2) + eps), axes kept with size 1.

    Reference: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
    """
    wide = widen(x)
    rstd = _rstd((wide * wide).mean(axis=_last(x.ndim, axes), keepdims=True), eps)
    y = wide * rstd
    if w is not None:
        y = y * widen(w)
    return y.astype(x.dtype, copy=False), rstd


@kernel
def rms_norm_grad(
    g: Array, x: Array, w: Array | None, rstd: Array, *, axes: int
) -> tuple[Array, Array]:
    """Gradients of `rms_norm` by x and w (the latter as if w were given)."""
    wide_g = widen(g)
    xhat = widen(x) * rstd
    shape = (prod(x.shape[: x.ndim - axes]), *x.shape[x.ndim - axes :])
    gw = _sum_rows((wide_g * xhat).reshape(shape))
    u = wide_g if w is None else wide_g * widen(w)
    gx = rstd * (u - xhat * (u * xhat).mean(axis=_last(x.ndim, axes), keepdims=True))
    dtype = x.dtype if w is None else w.dtype
    return gx.astype(x.dtype, copy=False), gw.astype(dtype, copy=False)


def _like(y: Array, x: Array) -> Array:
    """y in x's dtype and memory format."""
    return in_format(y.astype(x.dtype, copy=False), is_channels_last(x))


def _last(ndim: int, axes: int) -> tuple[int, ...]:
    return tuple(range(ndim - axes, ndim))


def _rstd(var: Array, eps: float) -> Array:
    return 1 / array_module(var).sqrt(var + np.asarray(eps, dtype=var.dtype)[()])


def _standardise(x: Array, axes: tuple[int, ...], eps: float) -> tuple[Array, Array, Array]:
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    return centred, mean, _rstd((centred * centred).mean(axis=axes, keepdims=True), eps)


def _standardise_grad(u: Array, xhat: Array, rstd: Array, axes: tuple[int, ...]) -> Array:
    shift = u.mean(axis=axes, keepdims=True)
    slope = (u * xhat).mean(axis=axes, keepdims=True)
    return rstd * (u - shift - xhat * slope)


def _channel_sum(x: Array) -> Array:
    """Sum x (N, C, *S) to (C): along S pairwise, then over the samples in float64.

    A float32 running sum over a large batch loses three digits.
    """
    per_sample = x.reshape(*x.shape[:2], prod(x.shape[2:])).sum(axis=2)
    return _sum_rows(per_sample)


def _sum_rows(x: Array) -> Array:
    return x.sum(axis=0, dtype=array_module(x).result_type(x.dtype, np.float64)).astype(x.dtype)


def _per_channel(v: Array, ndim: int) -> Array:
    return v.reshape(-1, *(1,) * (ndim - 2))


def _affine(y: Array, w: Array | None, b: Array | None) -> Array:
    if w is not None:
        y = y * _per_channel(widen(w), y.ndim)
    if b is not None:
        y = y + _per_channel(widen(b), y.ndim)
    return y


def _group_rows(x: Array, groups: int) -> Array:
    """(N, C, *S) -> (N * groups, C / groups * S)."""
    n, c = x.shape[:2]
    return x.reshape(n * groups, c // groups * prod(x.shape[2:]))


add_native(__name__)
