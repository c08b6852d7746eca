"""Coordinates and their values: sorting, adding duplicates up, and products with matrices.

Coordinates are an int64 array (S, nnz): one column for each stored element, one row for each of S
sparse dimensions. Values are (nnz, *dense). Rows of a matrix are `ptr` (M + 1,), where each row
starts among the stored elements, and `cols`, their columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rushlight._typing import Array, Shape
from rushlight.backend.array import array_module
from rushlight.kernels._precision import widen

_LONG_ROW = 64  # rows with more elements are multiplied one by one
_BLOCK = 1024  # rows multiplied together: their partial sums stay in the cache


def keys(indices: Array, extents: Shape) -> Array:
    """Return the place of each column of `indices` among all elements, in row-major order."""
    xp = array_module(indices)
    found = xp.zeros(indices.shape[1], np.int64)
    for row, extent in zip(indices, extents, strict=True):
        found *= extent
        found += row
    return found


def coordinates(places: Array, extents: Shape) -> Array:
    """Return the coordinates (S, nnz) of places in row-major order; undoes `keys`."""
    xp = array_module(places)
    rows = xp.empty((len(extents), places.size), np.int64)
    for i in reversed(range(len(extents))):
        places, rows[i] = xp.divmod(places, max(extents[i], 1))
    return rows


def sum_segments(values: Array, starts: Array) -> Array:
    """Return the sums of values[starts[i] : starts[i + 1]]; no segment is empty."""
    if not starts.size:
        return values[:0]
    if values.dtype.kind == "b":
        return np.logical_or.reduceat(values, starts, axis=0)
    total = np.add.reduceat(widen(values), starts, axis=0, dtype=widen(values).dtype)
    return total.astype(values.dtype, copy=False)


def coalesce(indices: Array, values: Array, extents: Shape) -> tuple[Array, Array]:
    """Return the coordinates in row-major order without duplicates, whose values are added up."""
    order, starts, unique = group(keys(indices, extents))
    values = values if order is None else values[order]
    if starts is not None:
        values = sum_segments(values, starts)
    elif order is None:
        return indices, values
    return coordinates(unique, extents), values


def group(found: Array) -> tuple[Array | None, Array | None, Array]:
    """Bring equal keys together.

    Returns:
        The order that sorts them (None: they are sorted), where in that order each group starts
        (None: every group is one element), and the key of each group.
    """
    rises = found[1:] > found[:-1]
    if bool(rises.all()):
        return None, None, found
    xp = array_module(found)
    order = None
    if not bool((found[1:] >= found[:-1]).all()):
        order = xp.argsort(found, kind="stable")
        found = found[order]
    new = xp.empty(found.shape, bool)
    new[:1] = True
    new[1:] = found[1:] != found[:-1]
    if bool(new.all()):
        return order, None, found
    starts = xp.flatnonzero(new)
    return order, starts, found[starts]


def look_up(wanted: Array, found: Array) -> tuple[Array, Array]:
    """Return where each wanted key is among sorted unique keys, and whether it is there at all."""
    xp = array_module(wanted)
    if not found.size:
        return xp.zeros(wanted.shape, np.int64), xp.zeros(wanted.shape, bool)
    place = xp.minimum(xp.searchsorted(found, wanted), found.size - 1)
    return place, found[place] == wanted


def row_starts(rows: Array, count: int) -> Array:
    """Return `ptr` (count + 1,) of sorted row numbers."""
    xp = array_module(rows)
    ptr = xp.zeros(count + 1, np.int64)
    xp.cumsum(xp.bincount(rows, minlength=count), out=ptr[1:])
    return ptr


def row_numbers(ptr: Array) -> Array:
    """Return the row of each stored element; undoes `row_starts`."""
    xp = array_module(ptr)
    return xp.repeat(xp.arange(ptr.size - 1), xp.diff(ptr))


class Rows(NamedTuple):
    """The stored elements of a matrix (M, K) by row, prepared for products.

    Attributes:
        ptr: where each row starts (M + 1,).
        cols: the column of each element.
        order: the element that stands at each place (None: they stood there).
        longest_first: row numbers, those with the most elements first.
    """

    ptr: Array
    cols: Array
    order: Array | None
    longest_first: Array


def by_row(rows: Array, cols: Array, count: int) -> Rows:
    """Sort the stored elements of a matrix by row."""
    order = None
    if rows.size and bool((rows[1:] < rows[:-1]).any()):
        order = array_module(rows).argsort(rows, kind="stable")
        rows, cols = rows[order], cols[order]
    ptr = row_starts(rows, count)
    return Rows(ptr, cols, order, np.argsort(-np.diff(ptr), kind="stable"))


def matrix_product(a: Rows, values: Array, x: Array) -> Array:
    """Return the product (M, N) of a sparse matrix (M, K) and a dense one (K, N).

    The k-th elements of many rows are multiplied at once, and added to as many running sums.
    Computes in the operands' dtype, float16 and bfloat16 in float32.
    """
    dtype = x.dtype
    values, x = widen(values if a.order is None else values[a.order]), widen(x)
    y = np.zeros((a.ptr.size - 1, x.shape[1]), x.dtype)
    if x.shape[1] == 1:
        used = np.flatnonzero(np.diff(a.ptr))
        y[used, 0] = sum_segments(values * x[a.cols, 0], a.ptr[used])
        return y.astype(dtype, copy=False)
    x = np.ascontiguousarray(x)
    lengths = np.diff(a.ptr)[a.longest_first]
    long, used = np.searchsorted(-lengths, (-_LONG_ROW, 0)).tolist()
    for row in a.longest_first[:long].tolist():
        part = slice(a.ptr[row], a.ptr[row + 1])
        y[row] = values[part] @ x[a.cols[part]]
    for first in range(long, used, _BLOCK):
        last = min(first + _BLOCK, used)
        rows = a.longest_first[first:last]
        y[rows] = _short_rows(a.ptr[rows], lengths[first:last], a.cols, values, x)
    return y.astype(dtype, copy=False)


def _short_rows(starts: Array, lengths: Array, cols: Array, values: Array, x: Array) -> Array:
    """Return the products of some rows, given longest first, with x."""
    total = np.zeros((starts.size, x.shape[1]), x.dtype)
    scratch = np.empty_like(total)
    for k in range(int(lengths[0])):
        reached = int(np.searchsorted(-lengths, -k))  # rows with more than k elements
        places = starts[:reached] + k
        term = np.take(x, cols[places], axis=0, out=scratch[:reached], mode="clip")
        term *= values[places, None]
        total[:reached] += term
    return total


def sampled_product(rows: Array, cols: Array, x: Array, y: Array) -> Array:
    """Return the elements (x @ y)[rows, cols] for x (M, K) and y (K, N), and no others."""
    dtype = x.dtype
    x, yt = widen(x), np.ascontiguousarray(widen(y).T)
    found = np.empty(rows.size, x.dtype)
    step = max(1, (1 << 16) // max(x.shape[1], 1))
    for first in range(0, rows.size, step):
        part = slice(first, first + step)
        found[part] = np.einsum("ek,ek->e", x[rows[part]], yt[cols[part]])
    return found.astype(dtype, copy=False)


def sparse_product(
    a: Rows, a_values: Array, b: Rows, b_values: Array, width: int
) -> tuple[Array, Array]:
    """Return the coordinates and values of the product of two sparse matrices, coalesced."""
    a_values = a_values if a.order is None else a_values[a.order]
    b_values = b_values if b.order is None else b_values[b.order]
    counts = np.diff(b.ptr)[a.cols]  # each element of `a` meets a row of `b`
    element = np.repeat(np.arange(a.cols.size), counts)
    within = np.arange(element.size) - np.repeat(np.cumsum(counts) - counts, counts)
    partner = b.ptr[a.cols[element]] + within
    indices = np.stack([row_numbers(a.ptr)[element], b.cols[partner]])
    values = widen(a_values)[element] * widen(b_values)[partner]
    indices, values = coalesce(indices, values, (a.ptr.size - 1, width))
    return indices, values.astype(a_values.dtype, copy=False)
