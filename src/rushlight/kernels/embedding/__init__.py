"""Rows of a table by index, and the gradient that adds them back."""

from __future__ import annotations

from math import prod

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.kernels._kernel import add_native, kernel
from rushlight.kernels._precision import widen


@kernel
def embedding(w: Array, index: Array) -> Array:
    """Return w[index], shape (*index.shape, D), for w (V, D); any dtype; a new array.

    Raises:
        IndexError: an index lies outside [0, V).
    """
    if index.size and (index.min() < 0 or index.max() >= w.shape[0]):
        raise IndexError("index out of range in self")
    return array_module(w).take(w, index, axis=0)


@kernel
def embedding_grad(
    g: Array,
    index: Array,
    *,
    rows: int,
    padding_idx: int | None,
    scale_grad_by_freq: bool,
) -> Array:
    """Add the rows of g (*index.shape, D) into a zero table (rows, D) at their indices.

    Rows at `padding_idx` are left out; scale_grad_by_freq divides a row by how often it occurs.
    Any float dtype; float16 and bfloat16 are summed in float32.
    """
    xp = array_module(g)
    width = g.shape[-1]
    flat = index.reshape(-1)
    values = widen(g).reshape(prod(index.shape), width)
    if scale_grad_by_freq and flat.size:
        values = values / xp.bincount(flat, minlength=rows)[flat][:, None].astype(values.dtype)
    if padding_idx is not None:
        kept = flat != padding_idx
        flat, values = flat[kept], values[kept]
    gw = xp.zeros((rows, width), dtype=values.dtype)
    if xp is not np:
        xp.add.at(gw, flat, values)
    elif flat.size:
        # Sorting brings equal rows together, so each is one sum; np.add.at is several times slower.
        order = np.argsort(flat, kind="stable")
        used, start = np.unique(flat[order], return_index=True)
        gw[used] = np.add.reduceat(values[order], start, axis=0)
    return gw.astype(g.dtype, copy=False)


add_native(__name__)
