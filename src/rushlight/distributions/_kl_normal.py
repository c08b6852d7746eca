"""Divergences of multivariate normal distributions, with full or low-rank covariances.

KL(p || q) = (log det Q - log det P + tr(Q^-1 P) + d^T Q^-1 d - n) / 2 for the covariances P and Q
and the difference d of the means. With P = F F^T, the last terms are x^T Q^-1 x for the columns x
of F and for d.
"""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..ops.linalg_solve import solve_triangular
from ._kl_registry import register_kl
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import MultivariateNormal


@register_kl(MultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _multivariate_normal(p: Any, q: Any) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two (Low Rank) Multivariate Normals with different event "
            "shapes cannot be computed"
        )
    size = p.event_shape[0]
    distance = (q.loc - p.loc).unsqueeze(-1)
    trace = sum(_in_metric_of(q, factor) for factor in _factors(p))
    log_det = _log_det(q) - _log_det(p)
    return 0.5 * (log_det + trace + _in_metric_of(q, distance) - size)


def _factors(p: Any) -> tuple[Tensor, ...]:
    """Return matrices F with the covariance P = sum F F^T."""
    if isinstance(p, MultivariateNormal):
        return (p._unbroadcasted_scale_tril,)
    return p._unbroadcasted_cov_factor, p._unbroadcasted_cov_diag.sqrt().diag_embed()


def _log_det(p: Any) -> Tensor:
    """Return log det P."""
    if isinstance(p, MultivariateNormal):
        return 2 * _log_diagonal(p._unbroadcasted_scale_tril)
    return 2 * _log_diagonal(p._capacitance_tril) + p._unbroadcasted_cov_diag.log().sum(-1)


def _log_diagonal(triangle: Tensor) -> Tensor:
    return triangle.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _in_metric_of(q: Any, x: Tensor) -> Tensor:
    """Return the sum of x^T Q^-1 x over the columns of a matrix."""
    if isinstance(q, MultivariateNormal):
        return _squares(_solve(q._unbroadcasted_scale_tril, x))
    # Woodbury: Q^-1 = D^-1 - A^T A, with A = C^-1 W^T D^-1 and the capacitance's factor C.
    diagonal = q._unbroadcasted_cov_diag.unsqueeze(-1)
    inner = q._unbroadcasted_cov_factor.mT @ (x / diagonal)
    return _squares(x * diagonal.rsqrt()) - _squares(_solve(q._capacitance_tril, inner))


def _solve(triangle: Tensor, x: Tensor) -> Tensor:
    return solve_triangular(triangle, x, upper=False)


def _squares(x: Tensor) -> Tensor:
    return x.pow(2).sum((-2, -1))
