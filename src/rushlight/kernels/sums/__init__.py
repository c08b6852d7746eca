"""Sums over the rows of an array whose rounding errors stay small, and what undoes a sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._typing import Array
from ...backend.array import array_module
from .._kernel import add_native, kernel

_add: Any = np.add.reduce
_PIECE = 32
_SMALL = 2048  # elements: too few for errors to add up


@kernel
def add_reduce(x: Array, axes: int | tuple[int, ...] | None, *, keepdims: bool = False) -> Array:
    """Return the sum over axes.

    Along the last axis NumPy adds pairwise; over others it adds row after row to one running sum,
    whose error grows with their number. So long float32 sums over leading axes go in pieces.
    """
    if type(x) is not np.ndarray:
        return x.sum(axis=axes, keepdims=keepdims)
    if x.size < _SMALL or axes is None or x.dtype.char != "f" or not x.flags.c_contiguous:
        return _add(x, axis=axes, keepdims=keepdims)
    count = 1 if isinstance(axes, int) else len(axes)
    if axes not in (0, tuple(range(count))) or count >= x.ndim:
        return _add(x, axis=axes, keepdims=keepdims)
    kept = x.shape[count:]
    y = _rows(x.reshape(-1, *kept))
    return y.reshape((1,) * count + kept) if keepdims else y


@kernel
def spread(x: Array, shape: tuple[int, ...]) -> Array:
    """Return x repeated to a shape, without copying: the gradient of a sum."""
    return array_module(x).broadcast_to(x, shape)


def _rows(x: Array) -> Array:
    n = len(x)
    if n <= 2 * _PIECE:
        return _add(x, axis=0)
    whole = n - n % _PIECE
    y = _rows(_add(x[:whole].reshape(-1, _PIECE, *x.shape[1:]), axis=1))
    return y if whole == n else y + _add(x[whole:], axis=0)


add_native(__name__)
