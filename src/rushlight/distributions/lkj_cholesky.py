"""The LKJ distribution of correlation matrices."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Size, Tensor
from ..backend.dtype import finfo
from ..ops.joining import cat
from ..ops.ranges import arange
from ..ops.sampling import randn
from ..ops.special import mvlgamma
from . import constraints
from .beta import Beta
from .distribution import _NO_SHAPE, Distribution
from .parameters import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors L of correlation matrices C = L L^T with a density det(C)^(eta - 1).

    eta = 1 makes all correlation matrices equally likely; a larger one favours weak correlation.
    Samples come from the onion method, row by row, and have no gradients.

    Args:
        dim: the size of the matrices, at least 2.
        concentration: eta.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: `dim` is too small.

    Example:
        >>> from rushlight.distributions import LKJCholesky
        >>> factor = LKJCholesky(3, 0.5).sample()
        >>> (factor @ factor.T).diagonal().round(decimals=4)
        tensor([1., 1., 1.])

    Reference: `torch.distributions.LKJCholesky`; Lewandowski, Kurowicka and Joe, Generating
        random correlation matrices based on vines and extended onion method (2009).
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None):
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        self._beta = _squared_lengths(dim, self.concentration)
        super().__init__(self.concentration.shape, Size((dim, dim)), validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(LKJCholesky, _instance)
        batch_shape = Size(batch_shape)
        new.dim = self.dim
        new.concentration = self.concentration.expand(batch_shape)
        new._beta = self._beta.expand((*batch_shape, self.dim))
        Distribution.__init__(new, batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw factors, without gradients."""
        squared = self._beta.sample(sample_shape).unsqueeze(-1)  # (..., D, 1)
        shape = self._extended_shape(sample_shape)
        directions = randn(shape, dtype=squared.dtype, device=squared.device).tril(-1)
        directions = directions / directions.norm(dim=-1, keepdim=True)
        directions[..., 0, :] = 0.0  # the first row has nothing left of the diagonal
        rows = squared.sqrt() * directions
        left = (1 - (rows**2).sum(-1)).clamp(min=finfo(rows.dtype).tiny)
        return rows + left.sqrt().diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density of factors."""
        if self._validate_args:
            self._validate_sample(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = arange(2, self.dim + 1, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        return (order * diagonal.log()).sum(-1) - self._log_normalizer()

    def _log_normalizer(self) -> Tensor:
        """Return the logarithm of the density's integral."""
        count = self.dim - 1
        alpha = self.concentration + 0.5 * count
        constant = 0.5 * count * math.log(math.pi)
        return constant + mvlgamma(alpha - 0.5, count) - alpha.lgamma() * count


def _squared_lengths(dim: int, concentration: Tensor) -> Beta:
    """Return the distribution of each row's squared length without the diagonal element."""
    offset = arange(dim - 1, dtype=concentration.dtype, device=concentration.device)
    offset = cat([offset.new_zeros(1), offset])
    marginal = concentration + 0.5 * (dim - 2)
    return Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)
