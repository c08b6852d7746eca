"""Native float32 embedding: registers the fast paths of `kernels.embedding`."""

from __future__ import annotations

from typing import Any

import numpy as np

from rushlight._typing import Array
from rushlight.kernels import embedding as reference
from rushlight.kernels._native import core


@reference.embedding.fast(np.ndarray)
def embedding_native(w: Array, index: Array) -> Any:
    """Decline other types, and indices outside the table (the reference raises)."""
    if w.dtype != np.float32 or index.dtype != np.int64:
        return NotImplemented
    y = np.empty((*index.shape, w.shape[1]), dtype=np.float32)
    done = core.embedding_forward(w, np.asarray(index, order="C"), y)
    return NotImplemented if done is NotImplemented else y


@reference.embedding_grad.fast(np.ndarray)
def embedding_grad_native(
    g: Array,
    index: Array,
    *,
    rows: int,
    padding_idx: int | None,
    scale_grad_by_freq: bool,
) -> Any:
    """Decline other types."""
    if g.dtype != np.float32 or index.dtype != np.int64:
        return NotImplemented
    gw = np.empty((rows, g.shape[-1]), dtype=np.float32)
    nothing = -1 if padding_idx is None else padding_idx
    done = core.embedding_backward(
        np.ascontiguousarray(g), np.asarray(index, order="C"), gw, nothing, scale_grad_by_freq
    )
    return NotImplemented if done is NotImplemented else gw
