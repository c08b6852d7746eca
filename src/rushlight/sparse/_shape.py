"""Rearranging and selecting: transpose, select, index_select, cat, stack, indexing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..backend.memory_format import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from ..kernels import sparse as K
from ..ops.joining import cat as join
from ._convert import convert
from ._node import SparseOp, recording
from ._parts import (
    batch_dim,
    build,
    coordinates,
    pattern,
    settled,
    sparse_dim,
    values_of,
)
from ._rules import refuse, rule
from ._tensor import BLOCKED, SparseTensor, long_name, make


def _dim(x: Tensor, dim: int, extra: int = 0) -> int:
    count = x.ndim + extra
    if not -count <= dim < count:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-count}, {count - 1}], but got "
            f"{dim})"
        )
    return dim % count


# --- permutations ------------------------------------------------------------------------------


class Permute(SparseOp):
    """y = x with its dimensions in another order.  dL/dx = g in the first order."""

    def forward(ctx, x: SparseTensor, *, dims: tuple[int, ...]) -> Tensor:
        ctx.back = tuple(np.argsort(dims).tolist())
        count = sparse_dim(x)
        outer, inner = list(dims[:count]), [d - count + 1 for d in dims[count:]]
        extent = tuple([x._extent[d] for d in dims])
        indices = x._places[0]
        if outer != list(range(count)):
            indices = wrap(np.ascontiguousarray(indices.array[outer]))
        values = x._elements
        if inner:
            values = wrap(values.array.transpose(0, *inner))
        stays = outer == list(range(count)) and x._sorted
        return make(sparse_coo, (indices,), values, extent, stays)

    def backward(ctx, g: Tensor) -> Tensor:
        return g.permute(ctx.back)


_SWAPPED = {
    sparse_csr: sparse_csc, sparse_csc: sparse_csr, sparse_bsr: sparse_bsc, sparse_bsc: sparse_bsr,
}  # fmt: skip


class SwapCompressed(SparseOp):
    """y = x^T: rows become columns.  dL/dx = g^T."""

    def forward(ctx, x: SparseTensor) -> Tensor:
        first = batch_dim(x)
        extent = list(x._extent)
        extent[first], extent[first + 1] = extent[first + 1], extent[first]
        values = x._elements
        if x._form in BLOCKED:
            values = wrap(values.array.swapaxes(first + 1, first + 2))
        return make(_SWAPPED[x._form], x._places, values, extent)

    def backward(ctx, g: Tensor) -> Tensor:
        return g.transpose(-2, -1) if not isinstance(g, SparseTensor) else g.mT


def _label(result: Tensor, label: str) -> Tensor:
    if result._node is not None:
        result._node.label = label
    return result


@rule()
def permute(input: SparseTensor, *dims: Any) -> Tensor:
    """Return the tensor with its dimensions in another order."""
    order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    if len(order) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {input.ndim} is not "
            f"equal to len(dims) = {len(order)}"
        )
    found = tuple([_dim(input, d) for d in order])
    if len(set(found)) < len(found):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    if not input.is_sparse:
        same = tuple(range(input.ndim))
        return input if found == same else transpose(input, *_moved(found))
    count = sparse_dim(input)
    if any([d >= count for d in found[:count]]):
        raise RuntimeError(
            "permute(sparse_coo): transpositions between sparse and dense dimensions are not "
            "allowed.Only transpositions within sparse and dense dimensions are supported."
        )
    return Permute.apply(input, dims=found)


def _moved(order: Sequence[int]) -> list[int]:
    return [i for i, d in enumerate(order) if i != d][:2]


@rule("transpose", "swapaxes", "swapdims")
def transpose(input: SparseTensor, dim0: int, dim1: int) -> Tensor:
    """Return the tensor with two dimensions exchanged."""
    a, b = _dim(input, dim0), _dim(input, dim1)
    if not input.is_sparse:
        first = batch_dim(input)
        if a != b and {a, b} != {first, first + 1}:
            raise RuntimeError(
                f"transpose(): can only transpose the two matrix dimensions of a "
                f"{long_name(input)} tensor, got {a} and {b}"
            )
        return input if a == b else _label(SwapCompressed.apply(input), "Transpose")
    if a != b and max(a, b) >= sparse_dim(input):
        raise RuntimeError(
            "sparse transpose: transposed dimensions must be sparse Got sparse_dim: "
            f"{sparse_dim(input)}, d0: {a}, d1: {b}"
        )
    order = list(range(input.ndim))
    order[a], order[b] = b, a
    return _label(Permute.apply(input, dims=tuple(order)), "Transpose")


@rule()
def t(input: SparseTensor) -> Tensor:
    """Return the transpose of a matrix."""
    if input.ndim > 2:
        raise RuntimeError(
            "t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got "
            f"{input.ndim}D tensor"
        )
    return input if input.ndim < 2 else _label(transpose(input, 0, 1), "T")


# --- dimensions of length 1 --------------------------------------------------------------------


@rule()
def unsqueeze(input: SparseTensor, dim: int) -> Tensor:
    """Return the tensor with a dimension of length 1 inserted."""
    d, count = _dim(input, dim, extra=1), sparse_dim(input)
    x, values = settled(input)
    if d > count:
        return build(values.unsqueeze(d - count + 1), x, "Unsqueeze")
    indices = np.insert(coordinates(x), d, 0, axis=0)
    like = pattern(indices, (*x._extent[:d], 1, *x._extent[d:]), x._sorted)
    return build(values, like, "Unsqueeze")


@rule()
def squeeze(input: SparseTensor, *dims: Any) -> Tensor:
    """Raise: it is not available for sparse tensors."""
    raise refuse("as_strided", (input,))


# --- selections --------------------------------------------------------------------------------


@rule()
def select(input: SparseTensor, dim: int, index: int) -> Tensor:
    """Return the slice at one place of a dimension."""
    d = _dim(input, dim)
    extent = input._extent[d]
    index = int(index)
    if not -extent <= index < extent:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {dim}"
        )
    index %= extent
    if not input.is_sparse:
        return select(convert(input, sparse_coo), d, index)  # type: ignore[arg-type]
    count = sparse_dim(input)
    if d >= count:
        x, values = settled(input)
        return build(values.select(d - count + 1, index), x, "Select")
    x, values = settled(input)
    kept = np.flatnonzero(coordinates(x)[d] == index)
    chosen = values.index_select(0, wrap(kept))
    if count == 1:
        return _label(chosen.sum(0), "Select")
    indices = np.delete(coordinates(x)[:, kept], d, axis=0)
    like = pattern(indices, (*x._extent[:d], *x._extent[d + 1 :]), x._sorted)
    return build(chosen, like, "Select")


@rule()
def index_select(input: SparseTensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices at given places of a dimension."""
    d, count = _dim(input, dim), sparse_dim(input)
    wanted = np.atleast_1d(index.array)
    extent = input._extent[d]
    if wanted.size and not (-extent <= wanted.min() and wanted.max() < extent):
        raise IndexError(
            "index_select(): index contains an index out of range for tensor of size "
            f"{list(input.shape)} at dimension {dim}"
        )
    wanted = np.where(wanted < 0, wanted + extent, wanted)
    if not input.is_sparse:
        found = index_select(convert(input, sparse_coo), d, index)  # type: ignore[arg-type]
        return convert(found, input._form)
    x, values = settled(input)
    if d >= count:
        return build(values.index_select(d - count + 1, wrap(wanted)), x, "IndexSelect")
    # The elements with coordinate wanted[i], in their order, for each i in turn.
    rows = K.by_row(coordinates(x)[d], coordinates(x)[d], extent)
    lengths = np.diff(rows.ptr)[wanted]
    new = np.repeat(np.arange(wanted.size), lengths)
    starts = rows.ptr[wanted] - np.cumsum(lengths) + lengths
    element = np.repeat(starts, lengths) + np.arange(new.size)
    element = element if rows.order is None else rows.order[element]
    indices = coordinates(x)[:, element]
    indices[d] = new
    shape = (*x._extent[:d], wanted.size, *x._extent[d + 1 :])
    like = pattern(indices, shape, x._sorted and d == 0)
    return build(values.index_select(0, wrap(element)), like, "IndexSelect")


@rule()
def narrow_copy(input: SparseTensor, dim: int, start: int, length: int) -> Tensor:
    """Return `length` slices of a dimension from `start`."""
    d, count = _dim(input, dim), sparse_dim(input)
    extent = input._extent[d]
    start = start % extent if start < 0 else start
    if length < 0 or start + length > extent:
        raise RuntimeError(
            f"Invalid range to narrow. range(start, start+length) must be a subset of range(0, "
            f"{extent})."
        )
    x, values = settled(input)
    if d >= count:
        return build(values.narrow(d - count + 1, start, length), x, "NarrowCopy")
    line = coordinates(x)[d]
    kept = np.flatnonzero((line >= start) & (line < start + length))
    indices = coordinates(x)[:, kept]
    indices[d] -= start
    like = pattern(indices, (*x._extent[:d], length, *x._extent[d + 1 :]), x._sorted)
    return build(values.index_select(0, wrap(kept)), like, "NarrowCopy")


@rule()
def unbind(input: SparseTensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along a dimension."""
    return tuple([select(input, dim, i) for i in range(input.shape[_dim(input, dim)])])


@rule("iter")
def iterate(self: SparseTensor) -> Iterator[Tensor]:
    """Return an iterator over the slices along the first dimension."""
    if not self.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self))


@rule()
def getitem(self: SparseTensor, item: Any) -> Tensor:
    """Return the slice at given indices; integers, full slices and index tensors are possible."""
    items = item if isinstance(item, tuple) else (item,)
    missing = self.ndim - len([i for i in items if i is not None and i is not Ellipsis])
    result: Any = self
    d = 0
    for entry in items:
        if entry is Ellipsis:
            d += missing
        elif entry is None:
            result = result.unsqueeze(d)
            d += 1
        elif isinstance(entry, slice):
            if entry != slice(None):
                raise refuse("as_strided", (self,))
            d += 1
        elif isinstance(entry, Tensor) and entry.ndim == 1:
            which = entry.nonzero().squeeze(1) if str(entry.dtype) == "torch.bool" else entry
            result = result.index_select(d, which)
            d += 1
        elif isinstance(entry, (list, np.ndarray)):
            result = result.index_select(d, wrap(np.asarray(entry, np.int64)))
            d += 1
        else:
            result = result.select(d, int(entry))
    return result


# --- joining -----------------------------------------------------------------------------------


def _check_same(tensors: Sequence[Any], dim: int) -> None:
    first = next(x for x in tensors if isinstance(x, SparseTensor))
    for i, x in enumerate(tensors):
        if not isinstance(x, SparseTensor):
            raise RuntimeError(
                f"Concatenating sparse tensors, but a dense tensor was found at position {i}."
            )
        if sparse_dim(x) != sparse_dim(first) or x.ndim != first.ndim:
            raise RuntimeError(
                f"All tensors must have the same sparse and dense dimensions: {sparse_dim(first)}, "
                f"{first.ndim - sparse_dim(first)}, but tensor at position {i} has "
                f"{sparse_dim(x)}, {x.ndim - sparse_dim(x)}."
            )
        for d in range(x.ndim):
            if d != dim and x.shape[d] != first.shape[d]:
                raise RuntimeError(
                    "Sizes of tensors must match except in dimension "
                    f"{dim}. Expected {first.shape[d]} in dimension {d} but got {x.shape[d]} for "
                    f"tensor number {i} in the list"
                )


@rule("cat", "concat", "concatenate")
def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Return tensors one after the other along a dimension."""
    d = _dim(next(x for x in tensors if isinstance(x, SparseTensor)), dim)
    _check_same(tensors, d)
    if not all([x.is_sparse for x in tensors]):
        return convert(cat([convert(x, sparse_coo) for x in tensors], d), tensors[0].layout)
    parts = [settled(x) if recording(*tensors) else (x, values_of(x)) for x in tensors]
    count = sparse_dim(tensors[0])
    total = int(np.sum([x.shape[d] for x in tensors]))
    first = parts[0][0]
    extent = (*first._extent[:d], total, *first._extent[d + 1 :])
    offset, lines, values = 0, [], []
    for x, v in parts:
        shifted = coordinates(x)
        if d < count:
            shifted = shifted.copy()
            shifted[d] += offset
        else:
            v = _padded(v, d - count + 1, offset, total)
        lines.append(shifted)
        values.append(v)
        offset += x._extent[d]
    ordered = d == 0 and all([x._sorted for x, _ in parts])
    like = pattern(np.concatenate(lines, axis=1), extent, ordered)
    return build(join(values), like, "Cat")


def _padded(values: Tensor, dim: int, offset: int, total: int) -> Tensor:
    """Return values with zeros before and after them along a dense dimension."""
    shape = [*values.shape]
    before, after = shape.copy(), shape.copy()
    before[dim], after[dim] = offset, total - offset - shape[dim]
    return join([values.new_zeros(before), values, values.new_zeros(after)], dim)


@rule()
def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Return tensors side by side along a new dimension."""
    first = tensors[0]
    for i, x in enumerate(tensors):
        if x.shape != first.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first.shape)} at entry "
                f"0 and {list(x.shape)} at entry {i}"
            )
    d = _dim(first, dim, extra=1)
    return _label(cat([unsqueeze(x, d) for x in tensors], d), "Stack")
