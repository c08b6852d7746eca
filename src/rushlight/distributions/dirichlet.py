"""Dirichlet distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Size, Tensor
from ..ops.embedding import one_hot
from ..ops.masking import where
from ..ops.rejection_sampling import _sample_dirichlet
from . import constraints
from .distribution import _NO_SHAPE, Distribution
from .exp_family import ExponentialFamily

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    """Points of the simplex with a density proportional to prod x_i^(concentration_i - 1).

    Args:
        concentration: (..., K).
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: `concentration` is a single number.

    Example:
        >>> from rushlight.distributions import Dirichlet
        >>> Dirichlet(rushlight.tensor([1.0, 2.0, 5.0])).mean
        tensor([0.1250, 0.2500, 0.6250])

    Reference: `torch.distributions.Dirichlet`.
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(Dirichlet, _instance)
        batch_shape = Size(batch_shape)
        new.concentration = self.concentration.expand(batch_shape + self._event_shape)
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        """concentration / its sum."""
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        """(concentration - 1) / its sum; the first corner where all concentrations are below 1."""
        excess = (self.concentration - 1).clamp(min=0)
        mode = excess / excess.sum(-1, keepdim=True)
        corner = one_hot(mode.argmax(-1), self._event_shape[0]).type_as(mode)
        return where((self.concentration < 1).all(-1, keepdim=True), corner, mode)

    @property
    def variance(self) -> Tensor:
        """m (1 - m) / (sum of concentration + 1), m the mean."""
        total = self.concentration.sum(-1, keepdim=True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw points with gradients."""
        return _sample_dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        weighted = (self.concentration - 1.0).xlogy(value).sum(-1)
        return weighted - self._log_normalizer(self.concentration)

    def entropy(self) -> Tensor:
        """Return log B(a) + (sum a - K) digamma(sum a) - sum (a_i - 1) digamma(a_i)."""
        a = self.concentration
        total, k = a.sum(-1), a.shape[-1]
        parts = ((a - 1.0) * a.digamma()).sum(-1)
        return self._log_normalizer(a) - (k - total) * total.digamma() - parts

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return (self.concentration,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()
