"""Adding values at places that may coincide: the gradient of reading through an index."""

from __future__ import annotations

from math import prod

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.kernels._kernel import add_native, kernel
from rushlight.kernels._precision import widen
from rushlight.kernels.embedding import embedding_grad


def grid_index(index: Array, dim: int) -> tuple[Array, ...]:
    """Return the full index: `index` along a dimension, its own places in the others."""
    xp = array_module(index)
    ndim = index.ndim
    grid = [
        xp.arange(n).reshape((1,) * d + (n,) + (1,) * (ndim - 1 - d))
        for d, n in enumerate(index.shape)
    ]
    grid[dim] = index
    return tuple(grid)


@kernel
def scatter_add(x: Array, index: Array, v: Array, *, dim: int) -> Array:
    """Return x with v added at x[.., index[.., i, ..], ..], repeated places summed; a new array.

    The axes of `index` may be shorter than those of v, and beside `dim` than those of x.
    """
    return add_at(x, grid_index(index, dim), v[tuple([slice(0, n) for n in index.shape])])


@kernel
def add_at(x: Array, index: tuple[Array | slice, ...], values: Array) -> Array:
    """Return x with `values` added at x[index], repeated places summed; any dtype; a new array.

    `values` broadcasts to the shape of x[index].
    """
    xp = array_module(x)
    wide = widen(x)
    y = wide.copy() if wide is x else wide
    if xp is np and y.dtype.kind in "fc":
        _add_rows(y, index, values)
    else:
        xp.add.at(y, index, values.astype(y.dtype, copy=False))
    return y.astype(x.dtype, copy=False)


def _add_rows(y: Array, index: tuple[Array, ...], values: Array) -> None:
    """Add into y; as if every place were a row of a matrix."""
    axes = [axis for axis, item in enumerate(index) if not isinstance(item, slice)]
    places = np.broadcast_arrays(*[index[axis] for axis in axes])
    rest = [axis for axis in range(y.ndim) if axis not in axes]
    lead = tuple([y.shape[axis] for axis in axes])
    # Places first, as the rows; what the slices select makes up a row.
    front = y.transpose(axes + rest)
    flat = np.ravel_multi_index(
        tuple([np.where(p < 0, p + n, p) for p, n in zip(places, lead, strict=True)]), lead
    ).reshape(-1)
    shape = places[0].shape
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    start = axes[0] if adjacent else 0
    full = (*[y.shape[a] for a in rest[:start]], *shape, *[y.shape[a] for a in rest[start:]])
    spread = np.broadcast_to(values, full)
    spread = np.moveaxis(spread, range(start, start + len(shape)), range(len(shape)))
    rows = spread.reshape(flat.size, prod([y.shape[a] for a in rest]))
    total = _sum_rows(flat, rows, prod(lead), y.dtype)
    front += total.reshape(front.shape)


def _sum_rows(flat: Array, rows: Array, count: int, dtype: np.dtype) -> Array:
    if rows.shape[1] == 1 and dtype.kind == "f":
        return np.bincount(flat, weights=rows[:, 0], minlength=count).astype(dtype)
    rows = rows.astype(dtype, copy=False)
    return embedding_grad(rows, flat, rows=count, padding_idx=None, scale_grad_by_freq=False)


add_native(__name__)
