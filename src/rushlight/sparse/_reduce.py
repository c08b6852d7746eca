"""Reductions and normalisations of sparse tensors: sum, norm, any, softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ..backend.memory_format import sparse_coo
from ..kernels import sparse as K
from ..ops._naming import named
from ..ops.casts import cast
from ._convert import convert
from ._node import SparseOp
from ._parts import build, coalesced, coordinates, pattern, sparse_dim, values_of
from ._rules import refuse, rule
from ._tensor import SparseTensor, alias

# --- sums --------------------------------------------------------------------------------------


class SumAll(SparseOp):
    """y = the sum of all elements.  dL/dx = g everywhere, at x's places only if `masked`."""

    label = "Sum"

    def forward(ctx, x: SparseTensor, *, masked: bool) -> Tensor:
        ctx.like, ctx.masked = alias(x), masked
        return x._elements.sum()

    def backward(ctx, g: Tensor) -> Tensor:
        like = ctx.like
        if not ctx.masked:
            return g.expand(like.shape)
        like = coalesced(like)
        return build(g.expand(like._elements.shape), like)


def _dims(x: Tensor, dim: Any) -> list[int]:
    given = [dim] if isinstance(dim, int) else list(dim)
    found = []
    for d in given:
        if not -x.ndim <= d < x.ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-x.ndim}, {x.ndim - 1}], "
                f"but got {d})"
            )
        found.append(d % x.ndim)
    if len(set(found)) < len(found):
        repeated = next(d for d in found if found.count(d) > 1)
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    return sorted(found)


def sparse_sum(input: Tensor, dim: Any = None, dtype: Any = None) -> Tensor:
    """Return the sum of a sparse tensor over some or all dimensions; its gradient is sparse.

    Args:
        input: coordinates and values.
        dim: the dimensions to sum over (default: all).
        dtype: the dtype of the result (default: the input's).

    Returns:
        A sparse tensor, or a dense one if no sparse dimension is left.

    Example:
        >>> s = rushlight.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3))
        >>> rushlight.sparse.sum(s, 0).to_dense()
        tensor([4., 0., 8.])
    """
    if not isinstance(input, SparseTensor) or not input.is_sparse:
        kind = "SparseCsr" if isinstance(input, SparseTensor) else "Strided"
        raise RuntimeError(f"coalesce expected sparse coordinate tensor layout but got {kind}")
    x = input if dtype is None or dtype is input.dtype else input.to(dtype)
    assert isinstance(x, SparseTensor)
    if dim is None:
        return SumAll.apply(x, masked=True)
    return _sum_dims(x, _dims(x, dim))


def _sum_dims(x: SparseTensor, dims: list[int]) -> Tensor:
    x = coalesced(x)
    count = sparse_dim(x)
    values = values_of(x)
    inner = [d - count + 1 for d in dims if d >= count]
    if inner:
        values = values.sum(inner)
    kept = [d for d in range(count) if d not in dims]
    if len(kept) == count:
        return build(values, x, "SparseSum")
    if not kept:
        return named(values.sum(0), "SparseSum")
    indices, extents = coordinates(x)[kept], tuple([x._extent[d] for d in kept])
    found, group = np.unique(K.keys(indices, extents), return_inverse=True)
    zeros = wrap(np.zeros((found.size, *values.shape[1:]), values.array.dtype))
    like = pattern(K.coordinates(found, extents), extents, True)
    return build(zeros.index_add(0, wrap(group.reshape(-1)), values), like, "SparseSum")


@rule()
def sum(
    input: SparseTensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """Return the sum over some or all dimensions."""
    x = input if dtype is None else input.to(dtype)
    assert isinstance(x, SparseTensor)
    if dim is None or dim in ((), []):
        return SumAll.apply(x, masked=False)
    dims = _dims(x, dim)
    if not x.is_sparse:
        if not keepdim:
            raise RuntimeError(
                "reduction operations on CSR tensors with keepdim=False is unsupported"
            )
        wide = convert(x, sparse_coo)
        return convert(sum(wide, dims, True), x._form)  # type: ignore[arg-type]
    found = _sum_dims(x, dims)
    if keepdim:
        for d in dims:
            found = found.unsqueeze(d)
    return found


@rule("any")
def any_(input: SparseTensor, *dims: Any, **options: Any) -> Tensor:
    """Tell whether an element is not zero."""
    if dims or options:
        raise refuse("any.dim", (input,))
    return coalesced(input.detach())._elements.any()  # type: ignore[arg-type]


@rule("norm", "native_norm")
def norm(input: SparseTensor, p: Any = "fro", dim: Any = None, keepdim: bool = False,
         dtype: Any = None) -> Tensor:  # fmt: skip
    """Return the norm of all elements."""
    if not input.is_sparse:
        raise refuse("norm.out", (input,))
    if dim is not None and len(_dims(input, dim)) < input.ndim:
        raise RuntimeError(
            "norm_sparse currently only supports full reductions, so 'dim' must either be empty "
            "or contain all dimensions of the input"
        )
    values = values_of(coalesced(input)).reshape(-1)
    if dtype is not None:
        values = cast(values, dtype)
    return values.norm(2 if p in ("fro", None) else p)


# --- softmax -----------------------------------------------------------------------------------


def _normalise(input: Tensor, dim: int, dtype: Any, log: bool) -> Tensor:
    name = "log_softmax" if log else "softmax"
    if not isinstance(input, SparseTensor) or not input.is_sparse:
        raise refuse(f"_sparse_{name}", (input,))
    x = input if dtype is None or dtype is input.dtype else input.to(dtype)
    x = coalesced(x)  # type: ignore[arg-type]
    (d,) = _dims(x, dim)
    values = values_of(x)
    label = "SparseLogSoftmax" if log else "SparseSoftmax"
    if d >= sparse_dim(x):
        return build(getattr(values, name)(d - sparse_dim(x) + 1), x, label)
    kept = [i for i in range(sparse_dim(x)) if i != d]
    extents = tuple([x._extent[i] for i in kept])
    _, of = np.unique(K.keys(coordinates(x)[kept], extents), return_inverse=True)
    return build(_within_groups(values, of.reshape(-1), log), x, label)


def _within_groups(values: Tensor, of: Any, log: bool) -> Tensor:
    """Return the (log-)softmax of values among those of the same group."""
    count, group = int(of.max(initial=-1)) + 1, wrap(of)
    shape = (count, *values.shape[1:])
    largest = np.full(shape, -np.inf, values.array.dtype)
    np.maximum.at(largest, of, values.array)
    shifted = values - wrap(largest[of])
    weights = shifted.exp()
    zeros = wrap(np.zeros(shape, values.array.dtype))
    total = zeros.index_add(0, group, weights).index_select(0, group)
    return shifted - total.log() if log else weights / total


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return the softmax along a dimension; elements that are not stored count as -inf.

    Args:
        input: coordinates and values.
        dim: the dimension along which the stored elements sum to 1.
        dtype: the dtype to compute in (default: the input's).

    Example:
        >>> s = rushlight.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 4.0], (2, 3))
        >>> rushlight.sparse.softmax(s, 1).to_dense()
        tensor([[0.0000, 0.0000, 1.0000],
                [0.5000, 0.0000, 0.5000]])
    """
    return _normalise(input, dim, dtype, log=False)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return the logarithm of the softmax of the stored elements along a dimension.

    Args:
        input: coordinates and values.
        dim: the dimension.
        dtype: the dtype to compute in (default: the input's).

    Example:
        >>> s = rushlight.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 4.0], (2, 3))
        >>> rushlight.sparse.log_softmax(s, 1).values()
        tensor([ 0.0000, -0.6931, -0.6931])
    """
    return _normalise(input, dim, dtype, log=True)
