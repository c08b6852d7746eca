"""Native float32 normalisation: registers the fast paths of `kernels.norm`."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from rushlight._typing import Array
from rushlight.backend.memory_format import empty_channels_last, in_format, is_channels_last
from rushlight.kernels import norm as reference
from rushlight.kernels._native import core

# The gradients of w and b have the type of w.
_GRADIENTS = (0, 2, 2)


@reference.batch_norm.fast(np.ndarray, rounded=(0,))
def batch_norm_native(
    x: Array, w: Array | None, b: Array | None, *, eps: float, relu: bool = False
) -> Any:
    """Decline all but float32 with spatial axes."""
    statistics = batch_norm_statistics_native(x, eps=eps)
    if statistics is NotImplemented:
        return NotImplemented
    y = batch_norm_apply_native(x, w, b, *statistics[:2], relu=relu)
    return NotImplemented if y is NotImplemented else (y, *statistics)


@reference.batch_norm_statistics.fast(np.ndarray)
def batch_norm_statistics_native(x: Array, *, eps: float) -> Any:
    """Decline all but float32 with spatial axes."""
    if not _planes(x):
        return NotImplemented
    mean, rstd, var = np.empty((3, x.shape[1]), dtype=np.float32)
    if is_channels_last(x):
        done = core.batch_norm_last_statistics(_rows(x), mean, rstd, var, eps)
    else:
        done = core.batch_norm_statistics(np.ascontiguousarray(x), mean, rstd, var, eps)
    return NotImplemented if done is NotImplemented else (mean, rstd, var)


@reference.batch_norm_apply.fast(np.ndarray, rounded=(0,))
def batch_norm_apply_native(
    x: Array, w: Array | None, b: Array | None, mean: Array, rstd: Array,
    residual: Array | None = None, *, relu: bool = False,
) -> Any:  # fmt: skip
    """Decline all but float32 with spatial axes."""
    if not _planes(x) or (residual is not None and residual.shape != x.shape):
        return NotImplemented
    if is_channels_last(x):
        y = empty_channels_last(x.shape, np.float32)
        added = None if residual is None else _rows(residual)
        done = core.batch_norm_last_apply(_rows(x), w, b, mean, rstd, added, _rows(y), relu)
        return NotImplemented if done is NotImplemented else y
    x = np.ascontiguousarray(x)
    if residual is not None:
        residual = np.ascontiguousarray(residual)
    y = np.empty_like(x)
    done = core.batch_norm_apply(x, w, b, mean, rstd, residual, y, relu)
    return NotImplemented if done is NotImplemented else y


@reference.batch_norm_grad.fast(np.ndarray, rounded=_GRADIENTS)
def batch_norm_grad_native(
    g: Array, x: Array, w: Array | None, mean: Array, rstd: Array, y: Array | None = None, *,
    training: bool,
) -> Any:  # fmt: skip
    """Decline all but float32 with spatial axes."""
    if not _planes(x) or g.dtype != np.float32:
        return NotImplemented
    gw, gb = np.empty((2, x.shape[1]), dtype=np.float32)
    if is_channels_last(x):
        gx = empty_channels_last(x.shape, np.float32)
        through = None if y is None else _rows(y)
        arrays = (_rows(g), _rows(x), w, mean, rstd, through, _rows(gx), gw, gb)
        done = core.batch_norm_last_backward(*arrays, training)
        return NotImplemented if done is NotImplemented else (gx, gw, gb)
    g, x = np.ascontiguousarray(g), np.ascontiguousarray(x)
    if y is not None:
        y = np.ascontiguousarray(y)
    gx = np.empty_like(x)
    done = core.batch_norm_backward(g, x, w, mean, rstd, y, gx, gw, gb, training)
    return NotImplemented if done is NotImplemented else (gx, gw, gb)


@reference.layer_norm.fast(np.ndarray, rounded=(0,))
def layer_norm_native(x: Array, w: Array | None, b: Array | None, *, axes: int, eps: float) -> Any:
    """Decline all but float32."""
    if x.dtype != np.float32 or x.size == 0:
        return NotImplemented
    x = np.ascontiguousarray(x)
    y = np.empty_like(x)
    outer = (*x.shape[: x.ndim - axes], *(1,) * axes)
    mean, rstd = np.empty(outer, dtype=np.float32), np.empty(outer, dtype=np.float32)
    done = core.layer_norm_forward(x, w, b, y, mean, rstd, prod(x.shape[x.ndim - axes :]), eps)
    return NotImplemented if done is NotImplemented else (y, mean, rstd)


@reference.layer_norm_grad.fast(np.ndarray, rounded=_GRADIENTS)
def layer_norm_grad_native(
    g: Array, x: Array, w: Array | None, mean: Array, rstd: Array, *, axes: int
) -> Any:
    """Decline all but float32."""
    if x.dtype != np.float32 or g.dtype != np.float32 or x.size == 0:
        return NotImplemented
    g, x = np.ascontiguousarray(g), np.ascontiguousarray(x)
    gx = np.empty_like(x)
    inner = x.shape[x.ndim - axes :]
    gw, gb = np.empty(inner, dtype=np.float32), np.empty(inner, dtype=np.float32)
    done = core.layer_norm_backward(g, x, w, mean, rstd, gx, gw, gb, prod(inner))
    return NotImplemented if done is NotImplemented else (gx, gw, gb)


@reference.group_norm.fast(np.ndarray, rounded=(0,))
def group_norm_native(
    x: Array, w: Array | None, b: Array | None, *, groups: int, eps: float
) -> Any:
    """Decline all but float32 with spatial axes."""
    if not _planes(x):
        return NotImplemented
    last = is_channels_last(x)
    x = np.ascontiguousarray(x)
    y = np.empty_like(x)
    mean, rstd = np.empty((2, x.shape[0], groups), dtype=np.float32)
    done = core.group_norm_forward(x, w, b, y, mean, rstd, groups, eps)
    return NotImplemented if done is NotImplemented else (in_format(y, last), mean, rstd)


@reference.group_norm_grad.fast(np.ndarray, rounded=_GRADIENTS)
def group_norm_grad_native(
    g: Array, x: Array, w: Array | None, mean: Array, rstd: Array, *, groups: int
) -> Any:
    """Decline all but float32 with spatial axes."""
    if not _planes(x) or g.dtype != np.float32:
        return NotImplemented
    last = is_channels_last(x)
    g, x = np.ascontiguousarray(g), np.ascontiguousarray(x)
    gx = np.empty_like(x)
    gw, gb = np.empty((2, x.shape[1]), dtype=np.float32)
    done = core.group_norm_backward(g, x, w, mean, rstd, gx, gw, gb, groups)
    return NotImplemented if done is NotImplemented else (in_format(gx, last), gw, gb)


def _rows(x: Array) -> Array:
    """(N, C, *S) -> (N S, C) in C order: a row for each pixel."""
    return np.ascontiguousarray(x.transpose(0, *range(2, x.ndim), 1)).reshape(-1, x.shape[1])


def _planes(x: Array) -> bool:
    """Whether channels have planes of their own; for (N, C) the columns are NumPy's to sum."""
    return x.dtype == np.float32 and x.ndim > 2
