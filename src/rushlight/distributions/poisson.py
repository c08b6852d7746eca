"""Poisson distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..ops.sampling import poisson
from . import constraints
from ._elementwise import Elementwise
from .distribution import _NO_SHAPE
from .exp_family import ExponentialFamily
from .parameters import broadcast_all

__all__ = ["Poisson"]


class Poisson(Elementwise, ExponentialFamily):
    """The probabilities rate^k exp(-rate) / k! for k = 0, 1, ...

    Args:
        rate: the mean.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import Poisson
        >>> Poisson(2.0).log_prob(rushlight.tensor([0.0, 1.0, 2.0])).exp()
        tensor([0.1353, 0.2707, 0.2707])

    Reference: `torch.distributions.Poisson`.
    """

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
    _parameters = ("rate",)

    def __init__(self, rate: Any, validate_args: bool | None = None):
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """rate."""
        return self.rate

    @property
    def mode(self) -> Tensor:
        """The largest integer of at most the rate."""
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        """rate."""
        return self.rate

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values, without gradients."""
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        rate, value = broadcast_all(self.rate, value)
        return value.xlogy(rate) - rate - (value + 1).lgamma()

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return (self.rate.log(),)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        return x.exp()
