"""Adding values at places that may coincide: the gradient of reading through an index."""

from __future__ import annotations

from math import prod

import numpy as np

from rushlight._typing import Array
from rushlight.backend.array import array_module
from rushlight.kernels._kernel import kernel
from rushlight.kernels._precision import widen


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
    total = np.zeros((count, rows.shape[1]), dtype)
    if flat.size:
        # Sorting brings equal places together, one sum each; np.add.at is several times slower.
        order = np.argsort(flat, kind="stable")
        used, start = np.unique(flat[order], return_index=True)
        total[used] = np.add.reduceat(rows[order].astype(dtype, copy=False), start, axis=0)
    return total
