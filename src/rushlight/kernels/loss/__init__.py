"""Negative log likelihood and cross-entropy for class indices, and their gradients.

    nll[i] = -w[t] * logp[i, t],   t = target[i];   0 where t = ignore_index
    smooth[i] = -sum over c of w[c] * logp[i, c]
    loss[i] = (1 - e) * nll[i] + e / C * smooth[i],   e = label smoothing, logp = log_softmax(x)

Shapes: x (N, C, d1, ...) or (C), target (N, d1, ...) or (), w (C) or None. reduction "mean"
divides the sum by the summed weights of the targets that count; "none" gives the shape of target.
Any float dtype; float16 and bfloat16 are computed in float32 and rounded once.
"""

from __future__ import annotations

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.kernels._kernel import add_native, kernel
from rushlight.kernels._precision import widen


@kernel
def nll_loss(
    logp: Array, target: Array, w: Array | None, *, ignore_index: int, reduction: str
) -> tuple[Array, Array]:
    """Return the negative log likelihood and the summed weight that a mean divides by (0-d).

    Raises:
        IndexError: a target is neither a class nor `ignore_index`.
    """
    wide = widen(logp)
    safe, weight = _target_weights(wide, target, w, ignore_index)
    # An ignored element must give 0 even where its log-probability is infinite.
    each = array_module(wide).where(weight != 0, -weight * _pick(wide, safe), 0)
    total = array_module(wide).asarray(weight.sum(dtype=wide.dtype))
    return _reduce(each, total, reduction).astype(logp.dtype, copy=False), total


@kernel
def nll_loss_grad(
    g: Array,
    target: Array,
    w: Array | None,
    total: Array,
    *,
    input_shape: tuple[int, ...],
    ignore_index: int,
    reduction: str,
) -> Array:
    """Gradient of `nll_loss` by logp: -g * w[t] at each target, 0 elsewhere."""
    xp = array_module(g)
    wide = widen(g)
    gx = xp.zeros(input_shape, dtype=wide.dtype)
    safe, weight = _target_weights(gx, target, w, ignore_index)
    if reduction == "mean":
        weight = xp.where(_counted(target, ignore_index), _over(weight, total), 0)
    axis = _class_axis(gx)
    xp.put_along_axis(gx, xp.expand_dims(safe, axis), xp.expand_dims(-wide * weight, axis), axis)
    return gx.astype(g.dtype, copy=False)


@kernel
def cross_entropy(
    x: Array,
    target: Array,
    w: Array | None,
    *,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> tuple[Array, Array, Array]:
    """Return the loss, the softmax statistics of each sample, and a mean's summed weight (0-d).

    The statistics are the two terms m and log(s) of log(sum(exp(x))), shape (2, *target.shape).
    Their sum alone would lose digits where x is large.

    Raises:
        IndexError: a target is neither a class nor `ignore_index`.
    """
    xp = array_module(x)
    wide = widen(x)
    axis = _class_axis(x)
    top, log_sum = stats = _softmax_stats(wide, axis)
    safe, weight = _target_weights(wide, target, w, ignore_index)
    counts = _counted(target, ignore_index)
    with np.errstate(invalid="ignore"):
        each = xp.where(counts, weight * (top - _pick(wide, safe) + log_sum), 0)
        if label_smoothing:
            logp = _log_softmax(wide, stats, axis)
            smooth = xp.where(counts, -_class_sum(logp, w, axis), 0)
            each = (1 - label_smoothing) * each + label_smoothing / x.shape[axis] * smooth
    total = array_module(wide).asarray(weight.sum(dtype=wide.dtype))
    return _reduce(each, total, reduction).astype(x.dtype, copy=False), stats, total


@kernel
def cross_entropy_grad(
    g: Array,
    x: Array,
    target: Array,
    w: Array | None,
    stats: Array,
    total: Array,
    *,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Array:
    """Gradient of `cross_entropy` by x.

    With p = softmax(x) and q = (1 - e) * w[t] * onehot(t) + e / C * w:  gx = g * (p * sum(q) - q).
    """
    xp = array_module(x)
    wide, wide_g = widen(x), widen(g)
    axis = _class_axis(x)
    safe, weight = _target_weights(wide, target, w, ignore_index)
    scale = _over(wide_g, total) if reduction == "mean" else wide_g
    scale = xp.where(_counted(target, ignore_index), scale, 0)
    spread = label_smoothing / x.shape[axis]
    classes = xp.ones(x.shape[axis], dtype=wide.dtype) if w is None else widen(w)
    with np.errstate(invalid="ignore"):
        p = xp.exp(_log_softmax(wide, stats, axis))
    gx = p * xp.expand_dims(scale * ((1 - label_smoothing) * weight + spread * classes.sum()), axis)
    if label_smoothing:
        column = classes.reshape(-1, *(1,) * (x.ndim - 1 - axis))
        gx -= spread * column * xp.expand_dims(scale, axis)
    place = xp.expand_dims(safe, axis)
    at = xp.take_along_axis(gx, place, axis)
    at -= xp.expand_dims(scale * (1 - label_smoothing) * weight, axis)
    xp.put_along_axis(gx, place, at, axis)
    return gx.astype(x.dtype, copy=False)


def _class_axis(x: Array) -> int:
    return 0 if x.ndim == 1 else 1


def _counted(target: Array, ignore_index: int) -> Array:
    return target != ignore_index


def _target_weights(
    x: Array, target: Array, w: Array | None, ignore_index: int
) -> tuple[Array, Array]:
    """Targets with 0 for ignored ones, and the weight of each (0 for ignored ones)."""
    xp = array_module(x)
    classes = x.shape[_class_axis(x)]
    counts = _counted(target, ignore_index)
    wrong = counts & ((target < 0) | (target >= classes))
    if wrong.any():
        raise IndexError(f"Target {int(target[wrong].reshape(-1)[0])} is out of bounds.")
    safe = xp.where(counts, target, 0).astype(np.int64, copy=False)
    weight = counts.astype(x.dtype) if w is None else xp.where(counts, widen(w)[safe], 0)
    return safe, weight


def _pick(x: Array, index: Array) -> Array:
    axis = _class_axis(x)
    xp = array_module(x)
    return xp.take_along_axis(x, xp.expand_dims(index, axis), axis).squeeze(axis)


def _class_sum(x: Array, w: Array | None, axis: int) -> Array:
    if w is not None:
        x = x * widen(w).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    return x.sum(axis=axis)


def _softmax_stats(x: Array, axis: int) -> Array:
    """Stack m = max(x) and log(sum(exp(x - m))), both along `axis`."""
    xp = array_module(x)
    with np.errstate(invalid="ignore"):
        top = x.max(axis=axis, initial=-np.inf)
        return xp.stack([top, xp.log(xp.exp(x - xp.expand_dims(top, axis)).sum(axis=axis))])


def _log_softmax(x: Array, stats: Array, axis: int) -> Array:
    xp = array_module(x)
    return (x - xp.expand_dims(stats[0], axis)) - xp.expand_dims(stats[1], axis)


def _over(x: Array, total: Array) -> Array:
    """Divide by the total; a mean over no target at all is NaN, as 0 / 0 is."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return x / total


def _reduce(each: Array, total: Array, reduction: str) -> Array:
    if reduction == "none":
        return each
    loss = each.sum(dtype=each.dtype)
    return array_module(each).asarray(_over(loss, total) if reduction == "mean" else loss)


add_native(__name__)
