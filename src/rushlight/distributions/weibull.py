"""Weibull distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..ops.creation import ones_like
from . import constraints
from .exponential import Exponential
from .parameters import EULER, broadcast_all
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """Positive numbers with P(x > t) = exp(-(t / scale)^concentration).

    Args:
        scale: the width.
        concentration: the shape: 1 gives the exponential distribution.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import Weibull
        >>> Weibull(2.0, 1.0).mean
        tensor(2.)

    Reference: `torch.distributions.Weibull`.
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(ones_like(self.scale), validate_args=validate_args)
        power = PowerTransform(self.concentration_reciprocal)
        transforms = [power, AffineTransform(0, self.scale)]
        super().__init__(base, transforms, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        return self._expand_parameters(Weibull, batch_shape, _instance)

    @property
    def mean(self) -> Tensor:
        """scale Gamma(1 + 1 / concentration)."""
        return self.scale * (1 + self.concentration_reciprocal).lgamma().exp()

    @property
    def mode(self) -> Tensor:
        """scale ((concentration - 1) / concentration)^(1 / concentration)."""
        base = (self.concentration - 1) / self.concentration
        return self.scale * base**self.concentration_reciprocal

    @property
    def variance(self) -> Tensor:
        """scale^2 (Gamma(1 + 2 / concentration) - Gamma(1 + 1 / concentration)^2)."""
        second = (1 + 2 * self.concentration_reciprocal).lgamma().exp()
        first_squared = (2 * (1 + self.concentration_reciprocal).lgamma()).exp()
        return self.scale.pow(2) * (second - first_squared)

    def entropy(self) -> Tensor:
        """Return Euler's constant (1 - 1 / concentration) + log(scale / concentration) + 1."""
        inverse = self.concentration_reciprocal
        return EULER * (1 - inverse) + (self.scale * inverse).log() + 1
