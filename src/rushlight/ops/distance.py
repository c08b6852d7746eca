"""Distances and similarities between vectors."""

from __future__ import annotations

import numpy as np

from .._tensor import Tensor, wrap
from ._export import export
from ._operands import not_a_tensor


@export(functional=True)
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """Return the p-norm of x1 - x2 + eps along the last dimension.

    Example:
        >>> rushlight.pairwise_distance(rushlight.tensor([[3.0, 4.0]]), rushlight.zeros(1, 2))
        tensor([5.0000])
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim)


@export(functional=True)
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along a dimension.

    Example:
        >>> x, y = rushlight.tensor([1.0, 0.0]), rushlight.tensor([1.0, 1.0])
        >>> rushlight.cosine_similarity(x, y, dim=0)
        tensor(0.7071)
    """
    from ._promote import promote
    from .shape import broadcast_tensors

    x1, x2 = promote(x1, x2)
    x1, x2 = broadcast_tensors(x1, x2)
    unit1 = x1 / x1.norm(2, dim, keepdim=True).clamp_min(eps)
    unit2 = x2 / x2.norm(2, dim, keepdim=True).clamp_min(eps)
    return (unit1 * unit2).sum(dim)


@export(functional=True)
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Return the p-norm distances of all pairs of rows: (0, 1), (0, 2), ..., (1, 2), ...

    Shape:
        input (N, D); result (N (N - 1) / 2).

    Raises:
        RuntimeError: not a matrix of floating point numbers, or p is negative.

    Example:
        >>> rushlight.pdist(rushlight.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
        tensor([5.0000, 1.0000, 4.2426])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("pdist", input)
    if input.array.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.array.ndim}D")
    if not input.dtype.is_floating_point:
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    first, second = np.triu_indices(input.array.shape[0], 1)
    difference = input[wrap(first)] - input[wrap(second)]
    return difference.norm(p, -1)
