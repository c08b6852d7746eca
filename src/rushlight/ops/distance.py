"""Distances and similarities between vectors."""

from __future__ import annotations

from .._tensor import Tensor
from ._export import export


@export(functional=True)
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """Return the p-norm of x1 - x2 + eps along the last dimension.

    Example:
        >>> rushlight.pairwise_distance(rushlight.tensor([[3.0, 4.0]]), rushlight.zeros(1, 2))
        tensor([5.0000])
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim)  # type: ignore[operator,no-any-return]


@export(functional=True)
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along a dimension.

    Example:
        >>> rushlight.cosine_similarity(rushlight.tensor([1.0, 0.0]), rushlight.tensor([1.0, 1.0]), dim=0)
        tensor(0.7071)
    """
    from ._promote import promote
    from .shape import broadcast_tensors

    x1, x2 = promote(x1, x2)
    x1, x2 = broadcast_tensors(x1, x2)
    unit1 = x1 / x1.norm(2, dim, keepdim=True).clamp_min(eps)  # type: ignore[attr-defined]
    unit2 = x2 / x2.norm(2, dim, keepdim=True).clamp_min(eps)  # type: ignore[attr-defined]
    return (unit1 * unit2).sum(dim)  # type: ignore[no-any-return]
