"""Multivariate normal distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Size, Tensor
from ..ops.creation import eye
from ..ops.linalg_cholesky import cholesky, cholesky_inverse
from ..ops.linalg_solve import solve_triangular
from ..ops.matmul import matmul
from ..ops.shape import broadcast_shapes
from . import constraints
from .distribution import _NO_SHAPE, Distribution
from .parameters import _standard_normal, lazy_property

__all__ = ["MultivariateNormal"]

_LOG_2PI = math.log(2 * math.pi)


class MultivariateNormal(Distribution):
    """Vectors x of size D with a density proportional to exp(-(x - loc)^T P (x - loc) / 2).

    The precision P is given by one of three matrices: the covariance C = P^-1, P itself, or the
    Cholesky factor L of C = L L^T. L saves work: all is computed from it.

    Args:
        loc: the mean, (..., D).
        covariance_matrix: C, positive definite, (..., D, D).
        precision_matrix: P, positive definite, (..., D, D).
        scale_tril: L, lower triangular with a positive diagonal, (..., D, D).
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: not one of the three is given, or a parameter has too few dimensions.

    Example:
        >>> from rushlight.distributions import MultivariateNormal
        >>> plane = MultivariateNormal(rushlight.zeros(2), rushlight.eye(2))
        >>> plane.log_prob(rushlight.zeros(2))
        tensor(-1.8379)

    Reference: `torch.distributions.MultivariateNormal`.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril)
        if matrix.dim() < 2:
            extra = " matrix" if name == "scale_tril" else ""
            raise ValueError(
                f"{name}{extra} must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        batch_shape = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        self.loc = loc.expand((*batch_shape, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_of(name, matrix)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(MultivariateNormal, _instance)
        batch_shape = Size(batch_shape)
        new.loc = self.loc.expand(batch_shape + self._event_shape)
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        for name in MATRICES:
            if name in self.__dict__:
                setattr(new, name, self.__dict__[name].expand((*batch_shape, -1, -1)))
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _of_batch(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape * 2)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """L."""
        return self._of_batch(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """L L^T."""
        factor = self._unbroadcasted_scale_tril
        return self._of_batch(matmul(factor, factor.mT))

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """(L L^T)^-1."""
        return self._of_batch(cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Tensor:
        """loc."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance."""
        diagonal = self._unbroadcasted_scale_tril.pow(2).sum(-1)
        return diagonal.expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw loc + L z, z standard normal."""
        z = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype, self.loc.device)
        return self.loc + _batch_mv(self._unbroadcasted_scale_tril, z)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        factor = self._unbroadcasted_scale_tril
        distance = _batch_mahalanobis(factor, value - self.loc)
        return -0.5 * (self._event_shape[0] * _LOG_2PI + distance) - log_diagonal(factor)

    def entropy(self) -> Tensor:
        """Return log det(2 pi e C) / 2."""
        half_log_det = log_diagonal(self._unbroadcasted_scale_tril)
        entropy = 0.5 * self._event_shape[0] * (1 + _LOG_2PI) + half_log_det
        return entropy.expand(self._batch_shape)


# --- matrices, also of the other multivariate distributions ---

MATRICES = ("covariance_matrix", "precision_matrix", "scale_tril")


def one_matrix(*matrices: Tensor | None) -> tuple[str, Tensor]:
    """Return the name and value of the one matrix of `MATRICES` that is given.

    Raises:
        ValueError: none or several are.
    """
    given = [(n, m) for n, m in zip(MATRICES, matrices, strict=True) if m is not None]
    if len(given) != 1:
        raise ValueError(
            "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
        )
    return given[0]


def factor_of(name: str, matrix: Tensor) -> Tensor:
    """Return the Cholesky factor of the covariance that a matrix of `MATRICES` gives."""
    if name == "scale_tril":
        return matrix
    if name == "covariance_matrix":
        return cholesky(matrix)
    return _precision_to_scale_tril(matrix)


def _precision_to_scale_tril(P: Tensor) -> Tensor:
    """Return the Cholesky factor L of P^-1.

    The factor of P with rows and columns reversed is U reversed, P = U U^T with U upper
    triangular; so P^-1 = U^-T U^-1, and L = U^-T.
    """
    upper = cholesky(P.flip((-2, -1))).flip((-2, -1))
    identity = eye(P.shape[-1], dtype=P.dtype, device=P.device)
    return solve_triangular(upper.mT, identity, upper=False)


def log_diagonal(factor: Tensor) -> Tensor:
    """Return log det of triangular matrices."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _batch_mv(bmat: Tensor, bvec: Tensor) -> Tensor:
    """Return the products of matrices (..., N, M) and vectors (..., M)."""
    return matmul(bmat, bvec.unsqueeze(-1)).squeeze(-1)


def _batch_mahalanobis(bL: Tensor, bx: Tensor) -> Tensor:
    """Return |L^-1 x|^2 for triangular matrices (*batch, N, N) and vectors (..., *batch, N).

    Vectors that share a matrix are solved for together.
    """
    batch, n = bx.shape[:-1], bx.shape[-1]
    shared = len(batch) - (bL.dim() - 2)
    columns = bx.reshape((-1, *batch[shared:], n)).movedim(0, -1)  # (*batch, N, columns)
    distances = solve_triangular(bL, columns, upper=False).pow(2).sum(-2)
    return distances.movedim(-1, 0).reshape(batch)
