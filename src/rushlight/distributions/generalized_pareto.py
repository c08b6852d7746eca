"""Generalized Pareto distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Size, Tensor
from ..ops.compare import isclose
from ..ops.creation import zeros_like
from ..ops.masking import where
from ..ops.sampling import rand
from . import constraints
from .constraints import Constraint
from .distribution import _NO_SHAPE, Distribution
from .parameters import broadcast_all

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """Excesses over a threshold: P(x > t) = (1 + concentration z)^(-1 / concentration).

    z = (t - loc) / scale. At concentration 0 that is exp(-z); below 0 the values have an upper
    bound, loc - scale / concentration.

    Args:
        loc: the smallest value.
        scale: the width.
        concentration: the shape.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import GeneralizedPareto
        >>> GeneralizedPareto(0.0, 1.0, 0.5).cdf(rushlight.tensor([0.0, 2.0]))
        tensor([0.0000, 0.7500])

    Reference: `torch.distributions.GeneralizedPareto`.
    """

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(GeneralizedPareto, _instance)
        batch_shape = Size(batch_shape)
        new.loc = self.loc.expand(batch_shape)
        new.scale = self.scale.expand(batch_shape)
        new.concentration = self.concentration.expand(batch_shape)
        Distribution.__init__(new, batch_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values with gradients with respect to the parameters."""
        shape = self._extended_shape(sample_shape)
        return self.icdf(rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def _concentration_or_one(self) -> tuple[Tensor, Tensor]:
        """Return where the concentration is about 0, and the concentration with 1 there."""
        is_zero = isclose(self.concentration, zeros_like(self.concentration))
        return is_zero, self.concentration.masked_fill(is_zero, 1.0)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        z = self._z(value)
        is_zero, k = self._concentration_or_one()
        power = 1 / k + 1
        tail = where(power == 0, power, power * (k * z).log1p())
        return -self.scale.log() - where(is_zero, z, tail)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability of a larger value."""
        if self._validate_args:
            self._validate_sample(value)
        z = self._z(value)
        is_zero, k = self._concentration_or_one()
        return where(is_zero, -z, -(k * z).log1p() / k)

    def log_cdf(self, value: Tensor) -> Tensor:
        """Return the logarithm of `cdf`."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a value at most as large."""
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value at which `cdf` has a value."""
        is_zero, k = self._concentration_or_one()
        log_survival = (-value).log1p()
        tail = self.loc + self.scale / k * (-k * log_survival).expm1()
        return where(is_zero, self.loc - self.scale * log_survival, tail)

    @property
    def mean(self) -> Tensor:
        """loc + scale / (1 - concentration), for concentration < 1; else NaN."""
        exists = self.concentration < 1
        k = self.concentration.masked_fill(~exists, 0.5)
        return (self.loc + self.scale / (1 - k)).masked_fill(~exists, math.nan)

    @property
    def variance(self) -> Tensor:
        """scale^2 / ((1 - k)^2 (1 - 2 k)), for concentration k < 1 / 2; else NaN."""
        exists = self.concentration < 0.5
        k = self.concentration.masked_fill(~exists, 0.25)
        variance = self.scale**2 / ((1 - k) ** 2 * (1 - 2 * k))
        return variance.masked_fill(~exists, math.nan)

    def entropy(self) -> Tensor:
        """Return log(scale) + concentration + 1."""
        return self.scale.log() + self.concentration + 1

    @property
    def mode(self) -> Tensor:
        """loc."""
        return self.loc

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Constraint:
        """[loc, inf), or up to loc - scale / concentration for concentration < 0."""
        bounded = self.concentration < 0
        upper = self.loc - self.scale / self.concentration.masked_fill(~bounded, -1.0)
        return constraints.interval(self.loc, upper.masked_fill(~bounded, math.inf))
