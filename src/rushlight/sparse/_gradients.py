"""Sparse gradients of dense tensors, and checking gradients of sparse ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Shape
from ._convert import convert, to_dense
from ._parts import build, coalesced, pattern
from ._tensor import SparseTensor, alias


def embedding_gradient(g: Tensor, index: Tensor, rows: int, padding_idx: int | None) -> Tensor:
    """Return the gradient of a table as coordinates: the rows looked up, as often as they were.

    Args:
        g: the gradient of the rows found (*, D).
        index: which rows these were (*).
        rows: the number of rows of the table.
        padding_idx: a row that gets no gradient.
    """
    flat = index.array.reshape(-1).astype(np.int64)
    found = g.reshape(flat.size, g.shape[-1])
    if padding_idx is not None:
        kept = np.flatnonzero(flat != padding_idx)
        flat, found = flat[kept], found.index_select(0, wrap(kept))
    return build(found, pattern(flat[None], (rows,), False))


def gather_gradient(g: Tensor, index: Tensor, shape: Shape, dim: int) -> Tensor:
    """Return the gradient of what `gather` picked from, as coordinates of the elements picked.

    Args:
        g: the gradient of the elements picked.
        index: their places along `dim`.
        shape: the shape of the tensor they were picked from.
        dim: the dimension.
    """
    lines = list(np.indices(index.array.shape))
    lines[dim] = index.array
    places = np.stack([line.reshape(-1) for line in lines])
    return build(g.reshape(-1), pattern(places, shape, False))


def through_values(
    function: Callable[..., Any], inputs: tuple[Any, ...], masked: bool
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Turn a function of sparse tensors into one of dense tensors, for a gradient check.

    Args:
        function: takes the inputs; sparse outputs become dense.
        inputs: its arguments.
        masked: let only the values vary that are stored, rather than all elements.

    Returns:
        The function, and its inputs: values, or the tensors with their zeros.
    """
    likes = [coalesced(alias(x)) if isinstance(x, SparseTensor) else None for x in inputs]

    def dense(x: Any, like: Any) -> Any:
        if like is None:
            return x
        values = like._elements.clone() if masked else to_dense(like)
        return values.requires_grad_(x.requires_grad)

    def sparse(x: Tensor, like: Any) -> Tensor:
        if like is None:
            return x
        return build(x, like) if masked else convert(x, like.layout)

    def of_dense(*given: Any) -> Any:
        result = function(*map(sparse, given, likes))
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        found = [
            to_dense(y, masked_grad=masked) if isinstance(y, SparseTensor) else y for y in outputs
        ]
        return found if isinstance(result, (tuple, list)) else found[0]

    return of_dense, tuple(map(dense, inputs, likes))


def as_sparse_gradcheck(gradcheck: Callable[..., bool]) -> Callable[..., bool]:
    """Let a gradient check take functions of sparse tensors (decorator).

    Sparse inputs and outputs are compared through the values that are stored.

    Args:
        gradcheck: `autograd.gradcheck`, or a function with its arguments.

    Example:
        >>> check = rushlight.sparse.as_sparse_gradcheck(rushlight.autograd.gradcheck)
        >>> x = rushlight.eye(2, dtype=rushlight.float64).to_sparse().requires_grad_()
        >>> check(lambda x: rushlight.sparse.sum(x * x), x, masked=True)
        True
    """

    @functools.wraps(gradcheck)
    def check(function: Any, inputs: Any, **options: Any) -> bool:
        return gradcheck(function, inputs, **options)

    return check
