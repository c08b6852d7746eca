"""In-place arithmetic without temporaries, where nothing is recorded (optimizers, statistics)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor
from .._typing import Array
from ..autograd.mode import GRAD, read_mode
from ..autograd.view import write_
from ..kernels._float_errors import IGNORE, restore_errors, set_errors

# Elements that are updated at a time: this many float32 stay in the second-level cache.
_BLOCK = 1 << 15


def recorded(*tensors: Any) -> bool:
    """Tell whether an operation on these operands goes into the graph."""
    if read_mode() == GRAD:
        for t in tensors:
            if isinstance(t, Tensor) and t.requires_grad:
                return True
    return False


def write_ufunc(ufunc: Any, dst: Tensor, other: Any) -> Tensor | None:
    """Compute dst <- ufunc(dst, other) in dst's memory; None if that cannot be done."""
    x = dst.array
    if type(other) is float or type(other) is int:
        if x.dtype.kind != "f" or recorded(dst):
            return None
        y = other
    elif isinstance(other, Tensor):
        y = other.array
        if x.dtype != y.dtype or (y.shape != x.shape and y.ndim) or recorded(dst, other):
            return None
    else:
        return None

    def store(x: Array) -> None:
        before = set_errors(IGNORE)
        try:
            ufunc(x, y, out=x)
        finally:
            restore_errors(before)

    return write_(dst, None, store=store)


def write_blocks(update: Callable[..., object], dst: Tensor, *operands: Tensor) -> Tensor | None:
    """Call `update(x, *operands, scratch)` on blocks of dst's memory; None if that cannot be done.

    `scratch` is a buffer of the block's shape and dtype, the one temporary there is, or None
    where all is one small block; pass it on as `out=` and go on with what that returns.
    """
    x = dst.array
    if recorded(dst, *operands) or x.dtype.kind not in "fcV":
        return None
    arrays = [t.array for t in operands]
    if any([a.dtype != x.dtype or a.shape != x.shape for a in arrays]):
        return None

    def store(x: Array) -> None:
        before = set_errors(IGNORE)
        try:
            _in_blocks(update, x, arrays)
        finally:
            restore_errors(before)

    return write_(dst, None, store=store)


def _is_dense(x: Array) -> bool:
    return isinstance(x, np.ndarray) and x.flags.c_contiguous


def _in_blocks(update: Callable[..., object], x: Array, arrays: list[Array]) -> None:
    if x.size <= _BLOCK or not all([_is_dense(a) for a in (x, *arrays)]):
        update(x, *arrays, None)
        return
    flat = [a.reshape(-1) for a in (x, *arrays)]
    scratch = np.empty(_BLOCK, x.dtype)
    for start in range(0, x.size, _BLOCK):
        parts = [a[start : start + _BLOCK] for a in flat]
        update(*parts, scratch[: parts[0].size])
