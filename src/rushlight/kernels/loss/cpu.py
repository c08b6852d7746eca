"""Native float32 cross-entropy for x (N, C): registers the fast paths of `kernels.loss`."""

from __future__ import annotations

from typing import Any

import numpy as np

from rushlight._typing import Array
from rushlight.kernels import loss as reference
from rushlight.kernels._native import core

_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


@reference.cross_entropy.fast(np.ndarray, rounded=(0,))
def cross_entropy_native(
    x: Array,
    target: Array,
    w: Array | None,
    *,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """Decline other types and layouts, and targets that are no class (the reference raises)."""
    if not _ours(x, target):
        return NotImplemented
    n = x.shape[0]
    loss = np.empty((n,) if reduction == "none" else (), dtype=np.float32)
    stats = np.empty((2, n), dtype=np.float32)
    total = np.empty((), dtype=np.float32)
    done = core.cross_entropy_forward(
        np.ascontiguousarray(x),
        np.ascontiguousarray(target),
        w,
        loss,
        stats,
        total,
        ignore_index,
        _REDUCTIONS[reduction],
        label_smoothing,
    )
    return NotImplemented if done is NotImplemented else (loss, stats, total)


@reference.cross_entropy_grad.fast(np.ndarray, rounded=(0,))
def cross_entropy_grad_native(
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
) -> Any:
    """Decline other types and layouts."""
    if not _ours(x, target) or g.dtype != np.float32:
        return NotImplemented
    gx = np.empty(x.shape, dtype=np.float32)
    done = core.cross_entropy_backward(
        np.asarray(g, order="C"),
        np.ascontiguousarray(x),
        np.ascontiguousarray(target),
        w,
        stats,
        total,
        gx,
        ignore_index,
        _REDUCTIONS[reduction],
        label_smoothing,
    )
    return NotImplemented if done is NotImplemented else gx


def _ours(x: Array, target: Array) -> bool:
    return x.dtype == np.float32 and x.ndim == 2 and target.dtype == np.int64
