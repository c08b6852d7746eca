"""Between layouts: to_dense, to_sparse, to_sparse_csr ..., sparse_mask."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..backend.memory_format import (
    SPARSE_LAYOUTS,
    layout,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
)
from ..kernels import sparse as K
from ._node import SparseOp
from ._parts import (
    batch_dim,
    build,
    coalesced,
    coordinates,
    element_places,
    gather,
    is_plain,
    places,
    rows_of,
    sparse_dim,
)
from ._rules import refuse, rule
from ._tensor import (
    BLOCKED,
    ROW_COMPRESSED,
    SparseTensor,
    coordinate_tensor,
    long_name,
    make,
)

# --- to dense ----------------------------------------------------------------------------------


def dense_array(x: SparseTensor) -> Array:
    """Return all elements, zeros included."""
    values = x._elements.array
    if not is_plain(x):
        full = np.zeros(prod(x._extent), values.dtype)
        full[element_places(x)] = values
        return full.reshape(x._extent)
    count = sparse_dim(x)
    found = places(x)
    table = np.zeros((prod(x._extent[:count]), *x._extent[count:]), values.dtype)
    if x.is_sparse and not x._sorted:
        order, starts, found = K.group(found)
        values = values if order is None else values[order]
        values = values if starts is None else K.sum_segments(values, starts)
    table[found] = values
    return table.reshape(x._extent)


class ToDense(SparseOp):
    """y = x with its zeros.  dL/dx = g, at x's places only if `masked`."""

    def forward(ctx, x: SparseTensor, *, masked: bool) -> Tensor:
        ctx.form, ctx.like = x._form, (coalesced(x) if masked else None)
        return wrap(dense_array(x))

    def backward(ctx, g: Tensor) -> Tensor:
        if ctx.like is not None:
            return build(gather(g, ctx.like), ctx.like, "SparseMask")
        return convert(g, ctx.form)


@rule("to_dense", "_to_dense")
def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """Return the tensor with its zeros stored; a dense one as it is.

    Args:
        self: the tensor.
        dtype: the dtype of the result; of a dense tensor only.
        masked_grad: whether the gradient holds the stored elements only (the default), or all.

    Example:
        >>> rushlight.sparse_coo_tensor([[0, 1]], [2.0, 3.0], (3,)).to_dense()
        tensor([2., 3., 0.])
    """
    if not isinstance(self, SparseTensor):
        return self if dtype is None else self.to(dtype)
    if dtype is not None:
        raise RuntimeError("dtype argument is not supported by sparse_to_dense")
    return ToDense.apply(self, masked=masked_grad is not False)


# --- to sparse ---------------------------------------------------------------------------------


class Convert(SparseOp):
    """y = x in another layout.  dL/dx = g, dense if x is."""

    label = "ToSparse"

    def forward(ctx, x: Tensor, *, form: layout, count: int, block: Any, depth: int) -> Tensor:
        ctx.form = x.layout
        return _converted(x, form, count, block, depth)

    def backward(ctx, g: Tensor) -> Tensor:
        if ctx.form is strided:
            return to_dense(g) if isinstance(g, SparseTensor) else g
        return convert(g, ctx.form) if isinstance(g, SparseTensor) else g


def convert(x: Tensor, form: layout) -> Tensor:
    """Return `x` in a layout without blocks, recorded."""
    if x.layout is form:
        return x
    return Convert.apply(x, form=form, count=x.ndim, block=None, depth=0)


def _converted(x: Tensor, form: layout, count: int, block: Any, depth: int) -> SparseTensor:
    if not isinstance(x, SparseTensor):
        return from_dense(x.array, form, count, block, depth)
    if form is sparse_coo:
        return _to_coordinates(x)
    if form in BLOCKED or not is_plain(x):
        return from_dense(dense_array(x), form, count, block, depth)
    x = coalesced(x if x.is_sparse else _to_coordinates(x))
    by_columns = form is sparse_csc
    rows = rows_of(x, transposed=by_columns)
    values = x._elements.array
    values = values if rows.order is None else values[rows.order]
    return make(form, (wrap(rows.ptr), wrap(rows.cols)), wrap(values), x._extent)


def _to_coordinates(x: SparseTensor) -> SparseTensor:
    if is_plain(x):
        y = coordinate_tensor(coordinates(x), x._elements.array, x._extent)
        return coalesced(y)
    count = 2 + batch_dim(x)
    if x.ndim > count:
        return from_dense(dense_array(x), sparse_coo, count, None, 0)
    indices = K.coordinates(element_places(x).reshape(-1), x._extent)
    return coalesced(coordinate_tensor(indices, x._elements.array.reshape(-1), x._extent))


def from_dense(a: Array, form: layout, count: int, block: Any, depth: int) -> SparseTensor:
    """Return the elements of an array that are not zero in a sparse layout.

    Args:
        a: the array.
        form: the layout.
        count: how many dimensions the coordinates cover (`sparse_coo` only).
        block: the extents of a block (blocked layouts only).
        depth: how many trailing dimensions stay dense (compressed layouts only).
    """
    if form is not sparse_coo:
        return _compress(a, form, block or (1, 1), depth)
    table = a.reshape(prod(a.shape[:count]), *a.shape[count:])
    used = table != 0
    used = used.any(axis=tuple(range(1, table.ndim))) if table.ndim > 1 else used
    found = np.flatnonzero(used) if count else np.arange(1)
    indices = K.coordinates(found, a.shape[:count])
    return coordinate_tensor(indices, table[found], a.shape, True)


def _compress(a: Array, form: layout, block: tuple[int, int], depth: int) -> SparseTensor:
    batches = a.ndim - 2 - depth
    height, width = block
    outer, inner = a.shape[:batches], a.shape[batches + 2 :]
    lines, columns = a.shape[batches] // height, a.shape[batches + 1] // width
    blocks = a.reshape(prod(outer), lines, height, columns, width, *inner).swapaxes(2, 3)
    by_row = form in ROW_COMPRESSED
    blocks = blocks if by_row else blocks.swapaxes(1, 2)
    used = (blocks != 0).any(axis=tuple(range(3, blocks.ndim)))  # (batches, lines, columns)
    counts = used.sum(axis=(1, 2))
    if counts.size and bool((counts != counts[0]).any()):
        raise RuntimeError("Expect the same number of specified elements per batch.")
    stored = int(counts[0]) if counts.size else 0
    ptr = np.zeros((prod(outer), used.shape[1] + 1), np.int64)
    np.cumsum(used.sum(axis=2), axis=1, out=ptr[:, 1:])
    plain = np.nonzero(used)[2].astype(np.int64).reshape(*outer, stored)
    shape = (*outer, stored, *(block if form in BLOCKED else ()), *inner)
    parts = wrap(ptr.reshape(*outer, -1)), wrap(plain)
    return make(form, parts, wrap(blocks[used].reshape(shape)), a.shape)


def _check_sparse_dim(x: Tensor, count: int) -> None:
    if isinstance(x, SparseTensor):
        if count != sparse_dim(x):
            name = "to_sparse" if x.is_sparse else "sparse_compressed_to_sparse"
            wanted = "self.sparse_dim()" if x.is_sparse else "2"
            raise RuntimeError(
                f"{name}: conversion from {long_name(x)} to Sparse with sparse_dim argument "
                f"!={wanted} is not supported"
            )
        return
    if x.ndim and count == 0:
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    if not 0 <= count <= x.ndim:
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [0,{x.ndim}] range, but {count} is "
            "given"
        )


@rule()
def to_sparse(
    self: Tensor,
    sparse_dim: int | None = None,
    *,
    layout: Any = None,
    blocksize: Any = None,
    dense_dim: int | None = None,
) -> Tensor:
    """Return the tensor in a sparse layout: only what is not zero is stored.

    Args:
        self: the tensor.
        sparse_dim: how many dimensions the coordinates cover; the others stay dense.
        layout: the layout (default: coordinates).
        blocksize: height and width of the blocks of a blocked layout.
        dense_dim: how many trailing dimensions stay dense.

    Raises:
        RuntimeError: the numbers of dimensions or the blocks do not fit, or the matrices of a batch
            have different numbers of elements.

    Example:
        >>> rushlight.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse()
        tensor(indices=tensor([[0],
                               [1]]),
               values=tensor([2.]),
               size=(2, 2), nnz=1, layout=torch.sparse_coo)
    """
    if sparse_dim is not None and not isinstance(sparse_dim, int):
        sparse_dim, layout = None, sparse_dim
    if sparse_dim is not None:
        _check_sparse_dim(self, sparse_dim)
        return _change(self, sparse_coo, sparse_dim, None, 0, overload=0)
    form = sparse_coo if layout is None else layout
    if form is self.layout:
        return self
    if form not in SPARSE_LAYOUTS:
        raise RuntimeError(
            f"to_sparse: conversion from {long_name(self)} to {form} is not supported"
        )
    _check_blocks(self, form, blocksize)
    if form is not sparse_coo and self.ndim < 2:
        raise RuntimeError(
            f"to_sparse: {long_name(self)} to {_CAMEL[form]} conversion requires a tensor of at "
            f"least 2 dimensions, got {self.ndim}"
        )
    count = self.ndim - (dense_dim or 0)
    return _change(self, form, count, blocksize, dense_dim or 0, overload=1)


def _change(x: Tensor, form: layout, count: int, block: Any, depth: int, overload: int) -> Tensor:
    if x.layout is form:
        return x
    block = tuple(block) if block is not None else None
    result = Convert.apply(x, form=form, count=count, block=block, depth=depth)
    if result._node is not None:
        result._node.overload = overload
    return result


def _check_blocks(x: Tensor, form: layout, block: Any) -> None:
    kind = long_name(x)
    name = "dense_to_sparse" if kind == "Strided" else "to_sparse"
    if (form in BLOCKED) is (block is None):
        how = (
            "without blocksize argument given" if block is None else "with blocksize argument given"
        )
        raise RuntimeError(
            f"{name}: conversion from {kind} to {_CAMEL.get(form, 'Sparse')} {how} is not supported"
        )
    if block is None:
        return
    rows, cols = x.shape[-2:] if x.ndim >= 2 else (0, 0)
    if len(block) != 2 or min(block) <= 0:
        raise RuntimeError(
            f"{name}: blocksize needs to be a tuple of two positive numbers, got {list(block)}"
        )
    if rows % block[0] or cols % block[1]:
        short = str(form).rpartition("_")[2]
        raise RuntimeError(
            f"{name}_{short}: tensor sparse size ({rows},{cols}) must be divisible by given "
            f"blocksize ({block[0]},{block[1]})"
        )


_CAMEL = {
    sparse_csr: "SparseCsr", sparse_csc: "SparseCsc", sparse_bsr: "SparseBsr",
    sparse_bsc: "SparseBsc",
}  # fmt: skip


def _labelled(result: Tensor, label: str) -> Tensor:
    if result._node is not None and isinstance(result._node, Convert):
        result._node.label, result._node.overload = label, 0
    return result


@rule()
def to_sparse_coo(self: Tensor) -> Tensor:
    """Return the tensor as coordinates and values."""
    return to_sparse(self)


@rule()
def to_sparse_csr(self: Tensor, dense_dim: int | None = None) -> Tensor:
    """Return a matrix with compressed rows.

    Args:
        self: the tensor.
        dense_dim: how many trailing dimensions stay dense.

    Example:
        >>> rushlight.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse_csr()
        tensor(crow_indices=tensor([0, 1, 2]),
               col_indices=tensor([1, 0]),
               values=tensor([2., 3.]), size=(2, 2), nnz=2, layout=torch.sparse_csr)
    """
    return _labelled(to_sparse(self, layout=sparse_csr, dense_dim=dense_dim), "ToSparseCsr")


@rule()
def to_sparse_csc(self: Tensor, dense_dim: int | None = None) -> Tensor:
    """Return a matrix with compressed columns.

    Args:
        self: the tensor.
        dense_dim: how many trailing dimensions stay dense.
    """
    return _labelled(to_sparse(self, layout=sparse_csc, dense_dim=dense_dim), "ToSparseCsc")


@rule()
def to_sparse_bsr(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> Tensor:
    """Return a matrix with compressed rows of blocks.

    Args:
        self: the tensor.
        blocksize: height and width of a block; they divide those of the matrix.
        dense_dim: how many trailing dimensions stay dense.
    """
    found = to_sparse(self, layout=sparse_bsr, blocksize=blocksize, dense_dim=dense_dim)
    return _labelled(found, "ToSparseBsr")


@rule()
def to_sparse_bsc(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> Tensor:
    """Return a matrix with compressed columns of blocks.

    Args:
        self: the tensor.
        blocksize: height and width of a block; they divide those of the matrix.
        dense_dim: how many trailing dimensions stay dense.
    """
    found = to_sparse(self, layout=sparse_bsc, blocksize=blocksize, dense_dim=dense_dim)
    return _labelled(found, "ToSparseBsc")


# --- masks -------------------------------------------------------------------------------------


class SparseMask(SparseOp):
    """y = x at the places of a mask.  dL/dx = g, at these places."""

    def forward(ctx, x: Tensor, *, mask: SparseTensor) -> Tensor:
        ctx.dense = not isinstance(x, SparseTensor)
        ctx.mask = mask
        return build(gather(x, mask), mask)

    def backward(ctx, g: Tensor) -> Tensor:
        g = build(gather(g, ctx.mask), ctx.mask)
        return to_dense(g) if ctx.dense else g


@rule()
def sparse_mask(self: Tensor, mask: Tensor) -> Tensor:
    """Return the elements at the places of a sparse mask.

    Args:
        self: the tensor.
        mask: a sparse tensor of the same shape; its values do not count.

    Returns:
        A tensor with the indices of the mask.

    Raises:
        RuntimeError: the shapes differ.

    Example:
        >>> x = rushlight.tensor([1.0, 2.0, 3.0])
        >>> x.sparse_mask(rushlight.sparse_coo_tensor([[2]], [1.0], (3,))).to_dense()
        tensor([0., 0., 3.])
    """
    if not isinstance(mask, SparseTensor):
        raise refuse("sparse_mask", (self, mask))
    if self.shape != mask.shape:
        raise RuntimeError(
            "sparse_mask(): operands have incompatible sizes; self has size "
            f"{list(self.shape)} but mask has size {list(mask.shape)}"
        )
    return SparseMask.apply(self, mask=mask)
