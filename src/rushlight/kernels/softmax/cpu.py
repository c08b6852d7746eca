"""Native float32 softmax along the last axis: registers the fast paths of `kernels.softmax`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rushlight._typing import Array
from rushlight.kernels import softmax as reference
from rushlight.kernels._native import core


def _forward(native: Callable[..., Any]) -> Callable[..., Any]:
    def fast(x: Array, *, axis: int) -> Any:
        if not _ours(x, axis):
            return NotImplemented
        x = np.ascontiguousarray(x)
        y = np.empty_like(x)
        return NotImplemented if native(x, y, x.shape[-1]) is NotImplemented else y

    return fast


def _backward(native: Callable[..., Any]) -> Callable[..., Any]:
    def fast(g: Array, y: Array, *, axis: int) -> Any:
        if not _ours(g, axis):
            return NotImplemented
        g, y = np.ascontiguousarray(g), np.ascontiguousarray(y)
        gx = np.empty_like(g)
        return NotImplemented if native(g, y, gx, g.shape[-1]) is NotImplemented else gx

    return fast


def _ours(x: Array, axis: int) -> bool:
    return x.dtype == np.float32 and x.ndim > 0 and axis in (-1, x.ndim - 1)


reference.softmax.fast(np.ndarray, rounded=(0,))(_forward(core.softmax_forward))
reference.softmax_grad.fast(np.ndarray, rounded=(0,))(_backward(core.softmax_backward))
reference.log_softmax.fast(np.ndarray, rounded=(0,))(_forward(core.log_softmax_forward))
reference.log_softmax_grad.fast(np.ndarray, rounded=(0,))(_backward(core.log_softmax_backward))
