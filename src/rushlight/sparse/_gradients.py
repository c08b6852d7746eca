"""Sparse gradients of dense tensors, and checking gradients of sparse ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ._parts import build, pattern


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
