"""Wishart distributions of covariance matrices."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Size, Tensor
from ..backend.dtype import finfo
from ..ops.creation import eye, tril_indices
from ..ops.diagonal import diag_embed
from ..ops.from_data import tensor
from ..ops.linalg_cholesky import cholesky_solve
from ..ops.linalg_solve import slogdet
from ..ops.ranges import arange
from ..ops.sampling import randn
from ..ops.shape import broadcast_shapes
from ..ops.special import mvlgamma
from . import constraints
from .chi2 import Chi2
from .constraints import Constraint
from .distribution import _NO_SHAPE, Distribution
from .exp_family import ExponentialFamily
from .multivariate_normal import MATRICES, factor_of, log_diagonal, one_matrix
from .parameters import Number, lazy_property

__all__ = ["Wishart"]

_TRIES = 10
_LOG_2 = math.log(2)


class Wishart(ExponentialFamily):
    """The distribution of the sum of `df` products x x^T, x normal of size D with covariance C.

    C is given by one of three matrices, as for `MultivariateNormal`; for any number df > D - 1 the
    density is proportional to det(X)^((df - D - 1) / 2) exp(-trace(C^-1 X) / 2).

    Args:
        df: the degrees of freedom, above D - 1.
        covariance_matrix: C, positive definite, (..., D, D).
        precision_matrix: its inverse, instead.
        scale_tril: its Cholesky factor, instead.
        validate_args: whether to check parameters and values.

    Raises:
        AssertionError: not one of the three matrices is given.
        ValueError: the matrix has too few dimensions, or df is too small.

    Example:
        >>> from rushlight.distributions import Wishart
        >>> Wishart(4, rushlight.eye(2)).mean
        tensor([[4., 0.],
                [0., 4.]])

    Reference: `torch.distributions.Wishart`.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        try:
            name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril)
        except ValueError as error:
            raise AssertionError(str(error)) from None
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        given = df
        if isinstance(df, Number):
            df = tensor(df, dtype=matrix.dtype, device=matrix.device)
        batch_shape = broadcast_shapes(matrix.shape[:-2], df.shape)
        event_shape = matrix.shape[-2:]
        self.df = df if isinstance(given, Number) else df.expand(batch_shape)
        if (self.df <= event_shape[-1] - 1).any():
            raise ValueError(
                f"Value of df={given} expected to be greater than ndim - 1 = {event_shape[-1] - 1}."
            )
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        super().__init__(batch_shape, event_shape, validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_of(name, matrix)
        self._dist_chi2 = self._diagonal_distribution()

    def _diagonal_distribution(self) -> Chi2:
        """Return what the squared diagonals of Bartlett's factors come from."""
        factor = self._unbroadcasted_scale_tril
        less = arange(self._event_shape[-1], dtype=factor.dtype, device=factor.device)
        return Chi2(self.df.unsqueeze(-1) - less.expand((*self._batch_shape, -1)))

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """The region of each parameter."""
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(Wishart, _instance)
        batch_shape = Size(batch_shape)
        new.df = self.df.expand(batch_shape)
        for name in (*MATRICES, "_unbroadcasted_scale_tril"):
            if name in self.__dict__:
                setattr(new, name, self.__dict__[name].expand((*batch_shape, -1, -1)))
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._dist_chi2 = new._diagonal_distribution()
        new._validate_args = self._validate_args
        return new

    def _of_batch(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of C."""
        return self._of_batch(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """C."""
        factor = self._unbroadcasted_scale_tril
        return self._of_batch(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """C^-1."""
        factor = self._unbroadcasted_scale_tril
        identity = eye(self._event_shape[-1], dtype=factor.dtype, device=factor.device)
        return self._of_batch(cholesky_solve(identity, factor))

    def _matrices(self, df: Tensor) -> Tensor:
        """Return one number for each matrix of the batch, shaped to multiply it."""
        return df.expand(self._batch_shape).reshape((*self._batch_shape, 1, 1))

    @property
    def mean(self) -> Tensor:
        """df C."""
        return self._matrices(self.df) * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        """(df - D - 1) C; NaN where that is not positive."""
        factor = self.df - self._event_shape[-1] - 1
        return self._matrices(factor.masked_fill(factor <= 0, math.nan)) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        """df (C_ij^2 + C_ii C_jj)."""
        covariance = self.covariance_matrix
        diagonal = covariance.diagonal(dim1=-2, dim2=-1)
        products = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self._matrices(self.df) * (covariance.pow(2) + products)

    # --- drawing ---

    def _bartlett_sampling(self, sample_shape: Any) -> Tensor:
        """Draw L A A^T L^T, A triangular with roots of chi-squared and with normal numbers."""
        p = self._event_shape[-1]
        squares = self._dist_chi2.rsample(sample_shape)
        noise = diag_embed(squares.sqrt().clamp(min=finfo(squares.dtype).eps))
        rows, columns = tril_indices(p, p, offset=-1, device=noise.device)
        shape = (*sample_shape, *self._batch_shape, p * (p - 1) // 2)
        noise[..., rows, columns] = randn(shape, dtype=noise.dtype, device=noise.device)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def rsample(
        self, sample_shape: Any = _NO_SHAPE, max_try_correction: int | None = None
    ) -> Tensor:
        """Draw matrices with gradients.

        Args:
            sample_shape: how many of each distribution of the batch.
            max_try_correction: how often to draw again what rounding has made singular; 10 unless
                given. What is singular even then has an infinite `log_prob`.
        """
        shape = Size(sample_shape)
        tries = _TRIES if max_try_correction is None else max_try_correction
        sample = self._bartlett_sampling(shape)
        if tries > 0:
            # PyTorch discards its first valid draws; so that its numbers come, so do we.
            sample = self._bartlett_sampling(shape)
        for _ in range(tries - 1):
            singular = self._singular(sample)
            if not singular.any():
                break
            sample = sample.masked_scatter(
                singular.reshape(singular.shape + (1,) * (sample.dim() - singular.dim())),
                self._bartlett_sampling(singular[singular].shape),
            )
        return sample

    def _singular(self, sample: Tensor) -> Tensor:
        """Tell for each batch drawn whether any of its matrices is singular."""
        singular = ~self.support.check(sample)
        return singular.reshape(
            (*singular.shape[: singular.dim() - len(self._batch_shape)], -1)
        ).any(-1)

    # --- probabilities ---

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        nu, p, factor = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        trace = cholesky_solve(value, factor).diagonal(dim1=-2, dim2=-1).sum(-1)
        log_volume = nu * (p * _LOG_2 / 2 + log_diagonal(factor)) + mvlgamma(nu / 2, p)
        return (nu - p - 1) / 2 * slogdet(value)[1] - trace / 2 - log_volume

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        nu, p = self.df, self._event_shape[-1]
        log_volume = (p + 1) * (p * _LOG_2 / 2 + log_diagonal(self._unbroadcasted_scale_tril))
        spread = mvlgamma(nu / 2, p) - (nu - p - 1) / 2 * _mvdigamma(nu / 2, p)
        return log_volume + spread + nu * p / 2

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        p = self._event_shape[-1]
        return -self.precision_matrix / 2, (self.df - p - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        p = self._event_shape[-1]
        half_nu = y + (p + 1) / 2
        return half_nu * (_LOG_2 * p - slogdet(-2 * x)[1]) + mvlgamma(half_nu, p)


def _mvdigamma(x: Tensor, p: int) -> Tensor:
    """Return the derivative of `mvlgamma`.

    Raises:
        AssertionError: x is not above (p - 1) / 2.
    """
    if not (x > (p - 1) / 2).all():
        raise AssertionError("Wrong domain for multivariate digamma function.")
    return (x.unsqueeze(-1) - arange(p, dtype=x.dtype, device=x.device) / 2).digamma().sum(-1)
