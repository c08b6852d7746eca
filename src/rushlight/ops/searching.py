"""Distinct elements, counts and places: unique, bincount, histc, searchsorted, isin."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..backend.array import array_module
from ..errors import wrap_dim
from ..kernels._precision import widen
from ._arguments import require_tensor
from ._autocast import autocast
from ._export import export
from ._operands import not_implemented
from ._promote import result_type
from ._return_types import return_type

# --- distinct elements -------------------------------------------------------------------------


def _several(values: Array, inverse: Array, counts: Array, wanted: tuple[bool, bool]) -> Any:
    extra = [wrap(a) for a, is_wanted in zip((inverse, counts), wanted, strict=True) if is_wanted]
    return (wrap(values), *extra) if extra else wrap(values)


@export(method=True)
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the distinct elements, in order; NaNs count as distinct.

    Args:
        input: the tensor.
        sorted: accepted for compatibility: the result is always in order.
        return_inverse: also return, for each element, its place among the distinct ones.
        return_counts: also return how often each one occurs.
        dim: compare whole slices of this dimension; None: single elements.

    Example:
        >>> rushlight.tensor([3, 1, 3]).unique(return_counts=True)
        (tensor([1, 3]), tensor([1, 2]))
    """
    array = require_tensor("unique", input).array
    xp = array_module(array)
    if dim is not None and array.ndim:
        return _unique_slices(array, wrap_dim(dim, array.ndim), (return_inverse, return_counts))
    values, inverse, counts = xp.unique(
        widen(array), return_inverse=True, return_counts=True, equal_nan=False
    )
    values = values.astype(array.dtype, copy=False)
    return _several(values, inverse.reshape(array.shape), counts, (return_inverse, return_counts))


def _unique_slices(array: Array, dim: int, wanted: tuple[bool, bool]) -> Any:
    xp = array_module(array)
    if not array.size:
        if array.shape[dim]:
            raise RuntimeError(
                "There are 0 sized dimensions, and they aren't selected, so unique cannot be "
                "applied"
            )
        none = xp.zeros(0, dtype=np.int64)
        return _several(array.copy(), none, none, wanted)
    values, inverse, counts = xp.unique(
        widen(array), return_inverse=True, return_counts=True, axis=dim, equal_nan=False
    )
    return _several(values.astype(array.dtype, copy=False), inverse.reshape(-1), counts, wanted)


@export(method=True)
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the elements without those that repeat the one before.

    Args:
        input: the tensor.
        return_inverse: also return, for each element, the place of its run.
        return_counts: also return the length of each run.
        dim: compare whole slices of this dimension; None: single elements, in flat order.

    Example:
        >>> rushlight.tensor([1, 1, 2, 1]).unique_consecutive()
        tensor([1, 2, 1])
    """
    array = require_tensor("unique_consecutive", input).array
    xp = array_module(array)
    at = 0 if dim is None or not array.ndim else wrap_dim(dim, array.ndim)
    source = array.reshape(-1) if dim is None or not array.ndim else array
    extent = source.shape[at]
    rows = xp.moveaxis(source, at, 0).reshape(extent, -1) if source.size else xp.zeros((extent, 0))
    if not source.size and extent:
        raise RuntimeError(
            "There are 0 sized dimensions, and they aren't selected, so unique_consecutive cannot "
            "be applied"
        )
    starts = xp.ones(extent, dtype=bool)
    if extent:
        starts[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    places = xp.nonzero(starts)[0]
    inverse = xp.cumsum(starts) - 1
    counts = xp.diff(places, append=extent)
    values = xp.take(source, places, axis=at)
    shape = array.shape if dim is None else (extent,)
    return _several(values, inverse.reshape(shape), counts, (return_inverse, return_counts))


@export(other_names={"element": "elements", "test_element": "test_elements"})
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Tell for each element whether it is among others.

    Args:
        elements: tensor or number.
        test_elements: tensor or number.
        assume_unique: accepted for compatibility.
        invert: tell whether it is not among them.

    Example:
        >>> rushlight.isin(rushlight.tensor([1, 2, 3]), rushlight.tensor([2, 3]))
        tensor([False,  True,  True])
    """
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin(): expected a Tensor among elements and test_elements")
    x = elements.array if isinstance(elements, Tensor) else np.asarray(elements)
    others = test_elements.array if isinstance(test_elements, Tensor) else np.asarray(test_elements)
    for operand in (elements, test_elements):
        if isinstance(operand, Tensor) and operand.dtype.is_complex:
            raise RuntimeError("Unsupported input type encountered for isin(): ComplexFloat")
    xp = array_module(x)
    found = xp.isin(widen(x), widen(others), invert=invert)
    return wrap(np.asarray(found) if xp is np else found)


# --- counts ------------------------------------------------------------------------------------


@export(method=True)
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Count how often each non-negative integer occurs in a vector.

    Args:
        input: a vector of integers.
        weights: a vector; its elements are summed instead of counting 1.
        minlength: least length of the result.

    Raises:
        RuntimeError: the input is no vector or has negative elements.

    Example:
        >>> rushlight.tensor([1, 3, 1]).bincount()
        tensor([0, 2, 0, 1])
    """
    array = require_tensor("bincount", input).array
    if array.dtype.kind not in "iu":
        raise not_implemented("bincount", input)
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    xp = array_module(array)
    if weights is None:
        return wrap(xp.bincount(array, minlength=minlength).astype(np.int64, copy=False))
    if weights.array.shape != array.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    total = xp.bincount(array, weights=weights.array.astype(np.float64), minlength=minlength)
    return wrap(total.astype(np.float32) if weights.array.dtype == np.float32 else total)


def _histogram_range(
    name: str, x: Array, low: float, high: float, margin: float
) -> tuple[float, float]:
    """Return the ends of a histogram, given or those of the data; equal ones are moved apart."""
    if low == high == 0 and not x.size and margin < 1:
        return 0.0, 1.0
    if low == high == 0 and x.size:
        low, high = float(x.min()), float(x.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise RuntimeError(f"{name}: range of [{low:g}, {high:g}] is not finite")
    elif not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    return (low - margin, high + margin) if low == high else (low, high)


@export(method=True, out=True)
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Count the elements in each of `bins` equal intervals; elements outside are left out.

    Args:
        input: a floating point tensor.
        bins: number of intervals.
        min: lower end.
        max: upper end; min = max = 0 takes those of the data.

    Raises:
        RuntimeError: `bins` is below 1, or the range is not finite or empty.
    """
    x = require_tensor("histc", input).array
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    if x.dtype.kind in "iub":
        raise not_implemented("histogram", input)
    low, high = _histogram_range("torch.histc", x, float(min), float(max), margin=1.0)
    values = widen(x).reshape(-1)
    values = values[(values >= low) & (values <= high)]
    kind = values.dtype.type
    places = ((values - kind(low)) * kind(bins) / kind(high - low)).astype(np.int64)
    counts = np.bincount(np.minimum(places, bins - 1), minlength=bins)
    return wrap(counts.astype(x.dtype))


@export(method=True)
def histogram(
    input: Tensor,
    bins: Any,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Count the elements in intervals.

    Args:
        input: a floating point tensor.
        bins: the number of equal intervals, or a vector of their edges.
        range: the ends, if `bins` is a number; None takes those of the data.
        weight: the elements' weights.
        density: divide so that the integral is 1.

    Returns:
        (hist, bin_edges).
    """
    x = require_tensor("histogram", input).array
    if x.dtype.kind in "iub":
        raise not_implemented("histogram", input)
    if isinstance(bins, Tensor):
        if bins.array.dtype != x.dtype:
            raise RuntimeError(
                "torch.histogram(): input tensor and bins tensors should have the same dtype, but "
                "got input "
                f"with dtype {input.dtype.type_name} and bins with dtype {bins.dtype.type_name}"
            )
        edges = bins.array
    else:
        if bins <= 0:
            raise RuntimeError(
                f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0"
            )
        low, high = _histogram_range("torch.histogram", x, *(range or (0.0, 0.0)), margin=0.5)
        edges = np.linspace(low, high, bins + 1, dtype=x.dtype)
    found = _counted(x.reshape(-1, 1), [edges], _weights(x, weight), density)
    kind = return_type("histogram", "hist", "bin_edges")
    return kind(wrap(found), wrap(edges))


def _counted(points: Array, edges: list[Array], weights: Array | None, density: bool) -> Array:
    """Sum the weights of the points (rows) in each box; the last edge belongs to its box."""
    shape = tuple([len(e) - 1 for e in edges])
    inside = np.ones(len(points), dtype=bool)
    places = []
    for x, edge in zip(points.T, edges, strict=True):
        inside &= (x >= edge[0]) & (x <= edge[-1])
        places.append(np.clip(np.searchsorted(edge, x, side="right") - 1, 0, len(edge) - 2))
    flat = np.ravel_multi_index(tuple([p[inside] for p in places]), shape)
    used = None if weights is None else weights[inside]
    found = np.bincount(flat, used, prod(shape)).reshape(shape).astype(points.dtype)
    if density:
        found = found / found.sum()
        for d, edge in enumerate(edges):
            found = found / np.diff(edge).reshape((-1,) + (1,) * (len(shape) - 1 - d))
    return found.astype(points.dtype)


def _weights(x: Array, weight: Tensor | None) -> Array | None:
    if weight is None:
        return None
    if weight.array.dtype != x.dtype:
        raise RuntimeError(
            "torch.histogram(): if weight tensor is provided, it should have the same dtype as "
            "input"
        )
    if weight.array.size != x.size and weight.array.shape != x.shape[:-1]:
        raise RuntimeError(
            "torch.histogram(): if weight tensor is provided it should have the same shape as input"
        )
    return weight.array.reshape(-1)


@export
def histogramdd(
    input: Tensor,
    bins: Any,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Count points (the rows of the last dimension) in boxes.

    Args:
        input: points, shape (..., D).
        bins: the number of intervals, one number or one for each coordinate, or D vectors of edges.
        range: 2 D ends; None takes those of the data.
        weight: the points' weights.
        density: divide so that the integral is 1.

    Returns:
        (hist, bin_edges).
    """
    x = require_tensor("histogramdd", input).array
    if x.ndim < 2:
        raise RuntimeError(
            f"torch.histogramdd(): input tensor should have at least 2 dimensions, but got {x.ndim}"
        )
    points = x.reshape(-1, x.shape[-1])
    count = points.shape[1]
    given = list(bins) if isinstance(bins, (tuple, list)) else [bins] * count
    if len(given) != count:
        raise RuntimeError(
            f"torch.histogramdd(): expected {count} sequences of bin edges for a "
            f"{count}-dimensional histogram but got {len(given)}"
        )
    ends = (
        list(zip(range[::2], range[1::2], strict=True))
        if range is not None
        else [(0.0, 0.0)] * count
    )
    edges = []
    for d, item in enumerate(given):
        if isinstance(item, Tensor):
            edges.append(item.array)
        else:
            low, high = _histogram_range("torch.histogramdd", points[:, d], *ends[d], margin=0.5)
            edges.append(np.linspace(low, high, item + 1, dtype=x.dtype))
    found = _counted(points, edges, _weights(x, weight), density)
    kind = return_type("histogramdd", "hist", "bin_edges")
    return kind(wrap(found), tuple([wrap(e) for e in edges]))


# --- places in sorted sequences ----------------------------------------------------------------


@export(out=True)
@autocast("promote")
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where values would have to be inserted into sorted rows to keep their order.

    Args:
        sorted_sequence: one sorted row, or rows that `input` has one of values for.
        input: the values, or one number.
        out_int32: return int32 instead of int64.
        right: after equal elements rather than before.
        side: "left" or "right": the same by name.
        sorter: indices that sort the rows.

    Raises:
        RuntimeError: the shapes or dtypes do not fit.

    Example:
        >>> rushlight.searchsorted(rushlight.tensor([1, 3, 5]), rushlight.tensor([3, 6]))
        tensor([1, 3])
    """
    rows = require_tensor("searchsorted", sorted_sequence, "sorted_sequence").array
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    values = _search_values(sorted_sequence, input)
    if sorter is not None:
        _check_sorter(sorted_sequence, sorter)
        rows = array_module(rows).take_along_axis(rows, sorter.array, -1)
    where = "right" if right or side == "right" else "left"
    found = _search(widen(rows), widen(values), where)
    return wrap(found.astype(np.int32 if out_int32 else np.int64, copy=False))


def _search_values(sequence: Tensor, input: Any) -> Array:
    rows = sequence.array
    if not isinstance(input, Tensor):
        if rows.ndim != 1:
            raise RuntimeError(
                "torch.searchsorted(): input value can be a scalar only when boundaries tensor "
                "dimension is 1"
            )
        return np.asarray(input).astype(result_type(sequence, input).numpy)
    if input.array.dtype != rows.dtype:
        raise RuntimeError(
            "torch.searchsorted(): boundary tensor and input value tensor should have same dtype, "
            f"but got boundary tensor type {sequence.dtype.type_name} and input value type "
            f"{input.dtype.type_name}"
        )
    shape, lead = input.array.shape, rows.shape[:-1]
    if rows.ndim == 0:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 "
            "dimension"
        )
    if rows.ndim > 1 and (shape[:-1] != lead or not shape):
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            "dimensions of boundaries tensor and input value tensor must match, but we got "
            f"boundaries tensor {list(rows.shape)} and input value tensor {list(shape)}"
        )
    return input.array


def _check_sorter(sequence: Tensor, sorter: Tensor) -> None:
    if sorter.array.shape != sequence.array.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary "
            f"tensor {list(sequence.shape)}and got sorter tensor {list(sorter.shape)}"
        )
    if sorter.array.dtype != np.int64:
        raise RuntimeError(
            "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
            f"{sorter.dtype.type_name}"
        )
    places = sorter.array
    if places.size and (places.min() < 0 or places.max() >= places.shape[-1]):
        raise RuntimeError("torch.searchsorted(): sorter index out of range")


def _search(rows: Array, values: Array, side: str) -> Array:
    xp = array_module(rows)
    if rows.ndim == 1:
        return xp.asarray(xp.searchsorted(rows, values, side=side))
    count = prod(rows.shape[:-1])
    flat_rows, flat = rows.reshape(count, rows.shape[-1]), values.reshape(count, values.shape[-1])
    found = xp.zeros(flat.shape, dtype=np.int64)
    for i in builtins.range(len(flat)):
        found[i] = xp.searchsorted(flat_rows[i], flat[i], side=side)
    return found.reshape(values.shape)


@export(out=True)
@autocast("promote")
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """Return the interval between boundaries that each value lies in.

    Args:
        input: tensor or number.
        boundaries: a sorted vector.
        out_int32: return int32 instead of int64.
        right: a value equal to a boundary lies in the interval after it rather than before.

    Raises:
        RuntimeError: the boundaries are no vector.

    Example:
        >>> rushlight.bucketize(rushlight.tensor([3, 6]), rushlight.tensor([1, 3, 5]))
        tensor([1, 3])
    """
    if boundaries.array.ndim != 1:
        raise RuntimeError(
            "bucketize(): boundaries tensor must be 1 dimension, but got "
            f"dim({boundaries.array.ndim})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
