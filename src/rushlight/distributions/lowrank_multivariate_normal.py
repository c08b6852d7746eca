"""Multivariate normal distributions whose covariance is a diagonal and a matrix of low rank."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Size, Tensor
from ..ops.creation import eye
from ..ops.diagonal import diag_embed
from ..ops.linalg_cholesky import cholesky
from ..ops.linalg_solve import solve_triangular
from ..ops.matmul import matmul
from ..ops.shape import broadcast_tensors
from . import constraints
from .distribution import _NO_SHAPE, Distribution
from .multivariate_normal import _batch_mahalanobis, _batch_mv, log_diagonal
from .parameters import _standard_normal, lazy_property

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """Normal vectors of size N with the covariance W W^T + D, D diagonal and W of M columns.

    Densities take a Cholesky factor of the M x M matrix I + W^T D^-1 W only.

    Args:
        loc: the mean, (..., N).
        cov_factor: W, (..., N, M).
        cov_diag: the diagonal of D, positive, (..., N).
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: a parameter has too few dimensions, or their shapes do not fit.

    Example:
        >>> from rushlight.distributions import LowRankMultivariateNormal
        >>> factor = rushlight.tensor([[1.0], [0.0]])
        >>> LowRankMultivariateNormal(rushlight.zeros(2), factor, rushlight.ones(2)).variance
        tensor([2., 1.])

    Reference: `torch.distributions.LowRankMultivariateNormal`.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        cov_factor: Tensor,
        cov_diag: Tensor,
        validate_args: bool | None = None,
    ):
        _check_shapes(loc, cov_factor, cov_diag)
        try:
            columns = broadcast_tensors(loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1))
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from error
        self.loc, self.cov_factor, self.cov_diag = (
            columns[0][..., 0],
            columns[1],
            columns[2][..., 0],
        )
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        self._capacitance_tril = _batch_capacitance_tril(cov_factor, cov_diag)
        shape = self.loc.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(LowRankMultivariateNormal, _instance)
        batch_shape = Size(batch_shape)
        new.loc = self.loc.expand(batch_shape + self._event_shape)
        new.cov_diag = self.cov_diag.expand(batch_shape + self._event_shape)
        new.cov_factor = self.cov_factor.expand((*batch_shape, -1, -1))
        new._unbroadcasted_cov_factor = self._unbroadcasted_cov_factor
        new._unbroadcasted_cov_diag = self._unbroadcasted_cov_diag
        new._capacitance_tril = self._capacitance_tril
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        """loc."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc."""
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """The diagonal of the covariance."""
        diagonal = self._unbroadcasted_cov_factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag
        return diagonal.expand(self._batch_shape + self._event_shape)

    def _of_batch(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape * 2)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        # D^1/2 (I + V V^T) D^1/2 with V = D^-1/2 W: what is factored is well conditioned.
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = self._unbroadcasted_cov_factor / root
        return self._of_batch(root * cholesky(_plus_identity(matmul(scaled, scaled.mT))))

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """W W^T + D."""
        W = self._unbroadcasted_cov_factor
        return self._of_batch(matmul(W, W.mT) + diag_embed(self._unbroadcasted_cov_diag))

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """D^-1 - A^T A, A the solution of C A = W^T D^-1, C the factor of I + W^T D^-1 W."""
        D = self._unbroadcasted_cov_diag
        weighted = self._unbroadcasted_cov_factor.mT / D.unsqueeze(-2)
        A = solve_triangular(self._capacitance_tril, weighted, upper=False)
        return self._of_batch(diag_embed(D.reciprocal()) - matmul(A.mT, A))

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw loc + W z + D^1/2 z', z and z' standard normal."""
        shape = self._extended_shape(sample_shape)
        short = (*shape[:-1], self.cov_factor.shape[-1])
        z = _standard_normal(short, self.loc.dtype, self.loc.device)
        z_diag = _standard_normal(shape, self.loc.dtype, self.loc.device)
        shared = _batch_mv(self._unbroadcasted_cov_factor, z)
        return self.loc + shared + self._unbroadcasted_cov_diag.sqrt() * z_diag

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        distance = _batch_lowrank_mahalanobis(
            self._unbroadcasted_cov_factor,
            self._unbroadcasted_cov_diag,
            value - self.loc,
            self._capacitance_tril,
        )
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self._log_det() + distance)

    def entropy(self) -> Tensor:
        """Return log det(2 pi e C) / 2, C the covariance."""
        constant = self._event_shape[0] * (1 + math.log(2 * math.pi))
        return (0.5 * (constant + self._log_det())).expand(self._batch_shape)

    def _log_det(self) -> Tensor:
        return _batch_lowrank_logdet(
            self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag, self._capacitance_tril
        )


def _check_shapes(loc: Tensor, cov_factor: Tensor, cov_diag: Tensor) -> None:
    if loc.dim() < 1:
        raise ValueError("loc must be at least one-dimensional.")
    event_shape = loc.shape[-1:]
    if cov_factor.dim() < 2:
        raise ValueError(
            "cov_factor must be at least two-dimensional, with optional leading batch dimensions"
        )
    if cov_factor.shape[-2:-1] != event_shape:
        raise ValueError(f"cov_factor must be a batch of matrices with shape {event_shape[0]} x m")
    if cov_diag.shape[-1:] != event_shape:
        raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")


def _plus_identity(matrix: Tensor) -> Tensor:
    return matrix + eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)


def _batch_capacitance_tril(W: Tensor, D: Tensor) -> Tensor:
    """Return the Cholesky factor of I + W^T D^-1 W."""
    return cholesky(_plus_identity(matmul(W.mT / D.unsqueeze(-2), W)))


def _batch_lowrank_logdet(W: Tensor, D: Tensor, capacitance_tril: Tensor) -> Tensor:
    """Return log det(W W^T + D) = log det(I + W^T D^-1 W) + log det(D)."""
    return 2 * log_diagonal(capacitance_tril) + D.log().sum(-1)


def _batch_lowrank_mahalanobis(W: Tensor, D: Tensor, x: Tensor, capacitance_tril: Tensor) -> Tensor:
    """Return x^T (W W^T + D)^-1 x, by Woodbury's identity."""
    shared = _batch_mv(W.mT / D.unsqueeze(-2), x)
    return (x.pow(2) / D).sum(-1) - _batch_mahalanobis(capacitance_tril, shared)
