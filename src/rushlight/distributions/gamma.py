"""Gamma distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..backend.dtype import finfo
from ..ops.from_data import as_tensor
from ..ops.rejection_sampling import _standard_gamma
from ..ops.special import igamma
from . import constraints
from ._elementwise import Elementwise
from .distribution import _NO_SHAPE
from .exp_family import ExponentialFamily
from .parameters import broadcast_all

__all__ = ["Gamma"]


class Gamma(Elementwise, ExponentialFamily):
    """The density rate^a x^(a - 1) exp(-rate x) / Gamma(a) on [0, inf), a the concentration.

    Args:
        concentration: the shape a.
        rate: 1 / the scale.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import Gamma
        >>> Gamma(3.0, 2.0).mean
        tensor(1.5000)

    Reference: `torch.distributions.Gamma`.
    """

    arg_constraints = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    _parameters = ("concentration", "rate")

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """a / rate."""
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        """(a - 1) / rate, or 0 for a < 1."""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        """a / rate^2."""
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values with gradients with respect to both parameters."""
        shape = self._extended_shape(sample_shape)
        value = _standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        # Behind autograd's back: what was raised keeps its gradient.
        value.detach().clamp_(min=finfo(value.dtype).tiny)
        return value

    def log_prob(self, value: Any) -> Tensor:
        """Return the logarithm of the density."""
        value = as_tensor(value, dtype=self.rate.dtype, device=self.rate.device)
        if self._validate_args:
            self._validate_sample(value)
        a = self.concentration
        return a.xlogy(self.rate) + (a - 1).xlogy(value) - self.rate * value - a.lgamma()

    def cdf(self, value: Tensor) -> Tensor:
        """Return the regularized lower incomplete gamma function of a and rate x."""
        if self._validate_args:
            self._validate_sample(value)
        return igamma(self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        """Return a - log(rate) + log(Gamma(a)) + (1 - a) digamma(a)."""
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1.0 - a) * a.digamma()

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        return (x + 1).lgamma() - (x + 1) * (-y).log()
