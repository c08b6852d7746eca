"""What both forms of spectral normalisation share: the power iteration."""

from __future__ import annotations

from ..._tensor import Tensor
from ...autograd.mode import no_grad
from .. import functional as F
from ..modules.module import Module


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """Return (size of `dim`, everything else)."""
    if dim != 0:
        others = [d for d in range(weight.ndim) if d != dim]
        weight = weight.permute(dim, *others)
    return weight.reshape(weight.shape[0], -1)


def iterate(matrix: Tensor, u: Tensor, v: Tensor, times: int, eps: float) -> None:
    """Move u and v, in place, towards the singular vectors of the largest singular value."""
    with no_grad():
        for _ in range(times):
            u.copy_(F.normalize(matrix.mv(v), dim=0, eps=eps))
            v.copy_(F.normalize(matrix.mH.mv(u), dim=0, eps=eps))


def check_iterations(count: int) -> None:
    """Raise unless there is at least one iteration."""
    if count <= 0:
        raise ValueError(
            f"Expected n_power_iterations to be positive, but got n_power_iterations={count}"
        )


def output_dim(module: Module) -> int:
    """Return the dimension of a weight that counts outputs."""
    return int(getattr(module, "transposed", False))
