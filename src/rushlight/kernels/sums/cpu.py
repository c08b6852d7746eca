"""Native float32 sums along the last axes: registers the fast path of `kernels.sums`."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..._typing import Array
from .. import sums as reference
from .._native import core

reference.spread.fast(np.ndarray)(core.broadcast_to)

_SMALL = 4096  # elements: NumPy is as fast


@reference.add_reduce.fast(np.ndarray)
def _add_reduce(x: Array, axes: int | tuple[int, ...] | None, *, keepdims: bool = False) -> Any:
    if x.size < _SMALL or x.dtype.char != "f":
        return NotImplemented
    ndim = x.ndim
    summed = range(ndim) if axes is None else (axes,) if isinstance(axes, int) else axes
    first = ndim - len(summed)
    if tuple(summed) != tuple(range(first, ndim)):
        return NotImplemented
    kept = x.shape[:first]
    y = np.empty(kept, np.float32)
    if core.sum_rows(x, y, prod(x.shape[first:])) is NotImplemented:
        return NotImplemented
    if keepdims:
        return y.reshape(kept + (1,) * len(summed))
    return y if kept else y[()]
