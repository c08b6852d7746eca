"""Native float32 scatter: registers the fast path of `kernels.scatter`."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..._typing import Array
from .. import scatter as reference
from .._native import core


@reference.scatter_add.fast(np.ndarray, rounded=(0,))
def _scatter_add(x: Array, index: Array, v: Array, *, dim: int) -> Any:
    """Decline other types, and indices that leave out a part of another dimension."""
    if not x.dtype == v.dtype == np.float32 or index.dtype != np.int64 or not index.size:
        return NotImplemented
    beside = [a for a in range(x.ndim) if a != dim]
    if v.shape != index.shape or any(x.shape[a] != index.shape[a] for a in beside):
        return NotImplemented
    y = x.copy(order="C")
    parts = [
        np.ascontiguousarray(a).reshape(prod(a.shape[:dim]), a.shape[dim], prod(a.shape[dim + 1 :]))
        for a in (y, index, v)
    ]
    return NotImplemented if core.scatter_add(*parts) is NotImplemented else y
