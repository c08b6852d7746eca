"""The parts of a sparse tensor in the graph: its values, a tensor of given values, coordinates."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array, Shape
from ..autograd.version import share_version
from ..backend.memory_format import sparse_coo
from ..kernels import sparse as K
from ._node import SparseOp, recording
from ._rules import RULES
from ._tensor import BLOCKED, ROW_COMPRESSED, SparseTensor, alias, make

# --- coordinates -------------------------------------------------------------------------------


def remembered(x: SparseTensor, what: str, find: Any) -> Any:
    """Return what `find()` found out about the indices of `x`; ask again once they have changed.

    It is kept with the indices, which tensors of the same pattern share.
    """
    last = x._places[-1]
    version = share_version(last).value
    known = last.__dict__.get(what)
    if known is None or known[0] != version or known[1] is not last.array:
        known = last.__dict__[what] = (version, last.array, find())
    return known[2]


def sparse_dim(x: SparseTensor) -> int:
    """Return how many dimensions the indices cover."""
    return x._places[0].array.shape[0] if x.is_sparse else 2


def batch_dim(x: SparseTensor) -> int:
    """Return how many leading dimensions have indices of their own (compressed layouts only)."""
    return 0 if x.is_sparse else x._places[0].array.ndim - 1


def is_plain(x: SparseTensor) -> bool:
    """Tell whether every value has one place: no batches and no blocks of compressed indices."""
    return x.is_sparse or (x._form not in BLOCKED and batch_dim(x) == 0)


def coordinates(x: SparseTensor) -> Array:
    """Return the coordinates (S, nnz) of the values of a plain tensor."""
    if x.is_sparse:
        return x._places[0].array
    return remembered(x, f"coordinates of {x._form}", lambda: _expand(x))


def _expand(x: SparseTensor) -> Array:
    compressed, plain = (p.array for p in x._places)
    lines = K.row_numbers(compressed)
    pair = (lines, plain) if x._form in ROW_COMPRESSED else (plain, lines)
    return np.stack([p.astype(np.int64, copy=False) for p in pair])


def places(x: SparseTensor) -> Array:
    """Return the place of each value of a plain tensor among the elements of sparse dimensions."""
    extents = x._extent[: sparse_dim(x)]
    return remembered(x, f"keys of {x._form} {extents}", lambda: K.keys(coordinates(x), extents))


def rows_of(x: SparseTensor, transposed: bool = False) -> K.Rows:
    """Return the stored elements of a matrix by row, or by column."""
    this, other = (1, 0) if transposed else (0, 1)
    count = x._extent[this]

    def find() -> K.Rows:
        pair = coordinates(x)
        return K.by_row(pair[this], pair[other], count)

    return remembered(x, f"by dimension {this} of {count} in {x._form}", find)


def element_places(x: SparseTensor) -> Array:
    """Return, in the shape of the values, the place of each among all elements of the tensor."""
    values, extent = x._elements.array, x._extent
    if is_plain(x):
        depth = values[:1].size if values.size else prod(values.shape[1:])
        return (places(x)[:, None] * depth + np.arange(depth)).reshape(values.shape)
    batches, lines = batch_dim(x), x._places
    count = prod(extent[:batches])
    height, width = values.shape[batches + 1 : batches + 3] if x._form in BLOCKED else (1, 1)
    depth = prod(extent[batches + 2 :])
    compressed = lines[0].array.reshape(count, -1)
    plain = lines[1].array.reshape(count, -1)
    line = np.stack([K.row_numbers(ptr) for ptr in compressed]) if count else plain
    row, col = (line, plain) if x._form in ROW_COMPRESSED else (plain, line)
    rows = row[..., None] * height + np.arange(height)  # (batches, nnz, height)
    cols = col[..., None] * width + np.arange(width)
    flat = rows[..., :, None] * extent[batches + 1] + cols[..., None, :]
    flat += np.arange(count)[:, None, None, None] * (extent[batches] * extent[batches + 1])
    return (flat[..., None] * depth + np.arange(depth)).reshape(values.shape)


# --- nodes -------------------------------------------------------------------------------------


class Values(SparseOp):
    """v = the values of x.  dL/dx = g at x's places."""

    def forward(ctx, x: SparseTensor) -> Tensor:
        ctx.like = alias(x)
        values = wrap(x._elements.array)
        values._counter = share_version(x._elements)
        return values

    def backward(ctx, g: Tensor) -> Tensor:
        return Build.apply(g, like=ctx.like)


class Build(SparseOp):
    """x = the values v at the places of another tensor.  dL/dv = g at these places."""

    def forward(ctx, values: Tensor, *, like: SparseTensor) -> Tensor:
        ctx.like = like
        extent = like._extent
        if is_plain(like):
            extent = extent[: sparse_dim(like)] + values.array.shape[1:]
        elements = wrap(values.array)
        elements._counter = share_version(values)
        return make(like._form, like._places, elements, extent, like._sorted)

    def backward(ctx, g: Tensor) -> Tensor:
        return gather(g, ctx.like)


def gather(x: Tensor, like: SparseTensor) -> Tensor:
    """Return the elements of a sparse or dense `x` at the places of `like`, as values."""
    if isinstance(x, SparseTensor):
        if x._places is like._places or all(map(_is, x._places, like._places)):
            return values_of(x)
        if is_plain(x) and is_plain(like) and sparse_dim(x) == sparse_dim(like):
            return _look_up(x, like)
        x = RULES["to_dense"](x)
    if not is_plain(like):
        return x.reshape(-1)[wrap(element_places(like))]
    depth = x.shape[sparse_dim(like) :]
    table = x.reshape(prod(x.shape[: sparse_dim(like)]), *depth)
    return table.index_select(0, wrap(places(like)))


def _is(a: Tensor, b: Tensor) -> bool:
    return a.array is b.array


def _look_up(x: SparseTensor, like: SparseTensor) -> Tensor:
    x = coalesced(x)
    values = values_of(x)
    if x.is_sparse or _in_order(x):
        place, there = K.look_up(places(like), places(x))
    else:
        order = np.argsort(places(x))
        place, there = K.look_up(places(like), places(x)[order])
        place = order[place] if order.size else place
    if not values.array.shape[0]:
        return wrap(np.zeros((place.size, *values.array.shape[1:]), values.array.dtype))
    found = values.index_select(0, wrap(place))
    if bool(there.all()):
        return found
    absent = wrap(~there.reshape(-1, *[1] * (found.ndim - 1)))
    return found.masked_fill(absent, 0)


def _in_order(x: SparseTensor) -> bool:
    found = places(x)
    return bool((found[1:] > found[:-1]).all())


def values_of(x: SparseTensor) -> Tensor:
    """Return the values, in the graph; those of coordinates have to be coalesced if recorded."""
    return Values.apply(x) if recording(x) else part_of(x)


def part_of(x: SparseTensor) -> Tensor:
    """Return the values outside the graph, over the same memory."""
    values = wrap(x._elements.array)
    values._counter = share_version(x._elements)
    return values


def build(values: Tensor, like: SparseTensor, label: str = "", overload: int = 0) -> SparseTensor:
    """Return a tensor of the pattern of `like` with other values, in the graph.

    Args:
        values: its values.
        like: whose indices it gets.
        label: the name of the operator that shows in the graph.
        overload: which form of it.
    """
    result = Build.apply(values, like=like)
    if result._node is not None:
        result._node.label, result._node.overload = label or "Build", overload
    assert isinstance(result, SparseTensor)
    return result


def pattern(indices: Array, extents: Shape, ordered: bool) -> SparseTensor:
    """Return coordinates without values, for `build`."""
    return make(sparse_coo, (wrap(indices),), wrap(np.empty(0)), extents, ordered)


# --- coalescing --------------------------------------------------------------------------------


class Coalesce(SparseOp):
    """y = x, sorted and without duplicates.  dL/dx = g."""

    def forward(ctx, x: SparseTensor) -> Tensor:
        extents = x._extent[: sparse_dim(x)]
        indices, values = K.coalesce(coordinates(x), x._elements.array, extents)
        same = indices is x._places[0].array
        lines = x._places if same else (wrap(indices),)
        return make(sparse_coo, lines, wrap(values), x._extent, True)

    def backward(ctx, g: Tensor) -> Tensor:
        return g


def coalesced(x: SparseTensor) -> SparseTensor:
    """Return `x` with its coordinates in order and without duplicates."""
    if x._sorted or not x.is_sparse:
        return x
    result = Coalesce.apply(x)
    assert isinstance(result, SparseTensor)
    return result


def settled(x: SparseTensor) -> tuple[SparseTensor, Tensor]:
    """Return `x` and its values for an operator that is linear in each value.

    Duplicates may stay unless a gradient is recorded: each would get the gradient of their sum.
    """
    x = coalesced(x) if recording(x) else x
    return x, values_of(x)
