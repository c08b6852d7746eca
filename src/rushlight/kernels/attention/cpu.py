"""Native float32 attention: registers the fast paths of `kernels.attention`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._typing import Array
from .. import attention as reference
from .._native import core

_FLOAT32 = np.dtype(np.float32)


def _ours(*operands: Array | None) -> bool:
    return all(x is None or x.dtype == _FLOAT32 for x in operands)


def _by_head(x: Array) -> Array:
    """(..., rows, elements) as (N, H, rows, elements), the elements of a row next to each other."""
    if x.ndim != 4:
        x = x.reshape(-1, x.shape[-3] if x.ndim > 4 else 1, *x.shape[-2:])
    inner = x.strides[-1] == x.itemsize or x.shape[-1] <= 1
    return x if inner else np.ascontiguousarray(x)


def _bias(bias: Array | None, q: Array, k: Array) -> Array | None:
    if bias is None:
        return None
    keys = k.shape[-2]
    rows = np.ascontiguousarray(np.broadcast_to(bias, (*bias.shape[:-1], keys)))
    return _by_head(np.broadcast_to(rows, (*q.shape[:-1], keys)))


@reference.attention.fast(np.ndarray, rounded=(0,))
def _attention(
    q: Array, k: Array, v: Array, bias: Array | None = None, *, scale: float, causal: bool
) -> Any:
    if not _ours(q, k, v, bias):
        return NotImplemented
    shape = q.shape
    mask = _bias(bias, q, k)
    q, k, v = _by_head(q), _by_head(k), _by_head(v)
    y = np.empty_like(q, shape=(*q.shape[:3], v.shape[-1]))  # axes in memory as q has them
    lse = np.empty(q.shape[:3], _FLOAT32)
    if core.attention_forward(q, k, v, mask, y, lse, scale, causal) is NotImplemented:
        return NotImplemented
    return y.reshape(*shape[:-1], v.shape[-1]), lse.reshape(shape[:-1])


@reference.attention_grad.fast(np.ndarray, rounded=(1, 2, 3))
def _attention_grad(
    g: Array, q: Array, k: Array, v: Array, bias: Array | None, lse: Array,
    *, scale: float, causal: bool,
) -> Any:  # fmt: skip
    if not _ours(g, q, k, v, bias):
        return NotImplemented
    shapes = q.shape, k.shape, v.shape
    mask = _bias(bias, q, k)
    g, q, k, v = (_by_head(x) for x in (g, q, k, v))
    results = [np.empty_like(x) for x in (q, k, v)]
    lse = np.ascontiguousarray(lse)
    done = core.attention_backward(g, q, k, v, mask, lse, *results, scale, causal)
    if done is NotImplemented:
        return NotImplemented
    return tuple([x.reshape(shape) for x, shape in zip(results, shapes, strict=True)])
