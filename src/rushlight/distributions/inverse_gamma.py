"""Inverse gamma distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from . import constraints
from .gamma import Gamma
from .transformed_distribution import TransformedDistribution
from .transforms import PowerTransform

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """The distribution of 1 / x for x from Gamma(concentration, rate).

    Args:
        concentration: the shape.
        rate: the rate of x, which is the scale of 1 / x.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import InverseGamma
        >>> InverseGamma(3.0, 1.0).mean
        tensor(0.5000)

    Reference: `torch.distributions.InverseGamma`.
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True
    base_dist: Gamma

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None):
        base = Gamma(concentration, rate, validate_args=validate_args)
        inverse = PowerTransform(-base.rate.new_ones(()))
        super().__init__(base, inverse, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(InverseGamma, _instance)
        return super().expand(batch_shape, _instance=new)

    @property
    def concentration(self) -> Tensor:
        """The shape."""
        return self.base_dist.concentration

    @property
    def rate(self) -> Tensor:
        """The rate of x."""
        return self.base_dist.rate

    @property
    def mean(self) -> Tensor:
        """rate / (concentration - 1); infinity for concentration <= 1."""
        finite = self.rate / (self.concentration - 1)
        return finite.masked_fill(self.concentration <= 1, math.inf)

    @property
    def mode(self) -> Tensor:
        """rate / (concentration + 1)."""
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        """mean^2 / (concentration - 2); infinity for concentration <= 2."""
        alpha = self.concentration
        finite = self.rate.square() / ((alpha - 1).square() * (alpha - 2))
        return finite.masked_fill(alpha <= 2, math.inf)

    def entropy(self) -> Tensor:
        """Return alpha + log(rate Gamma(alpha)) - (1 + alpha) digamma(alpha)."""
        alpha = self.concentration
        return alpha + self.rate.log() + alpha.lgamma() - (1 + alpha) * alpha.digamma()
