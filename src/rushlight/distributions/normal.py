"""Normal distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..ops.sampling import normal
from . import constraints
from ._elementwise import Elementwise
from .distribution import _NO_SHAPE
from .exp_family import ExponentialFamily
from .parameters import _standard_normal, broadcast_all

__all__ = ["Normal"]

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


class Normal(Elementwise, ExponentialFamily):
    """The density exp(-(x - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    Args:
        loc: the mean.
        scale: the standard deviation.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import Normal
        >>> _ = rushlight.manual_seed(0)
        >>> Normal(rushlight.tensor([0.0, 10.0]), 1.0).sample()
        tensor([1.5410, 9.7066])

    Reference: `torch.distributions.Normal`.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _mean_carrier_measure = 0
    _parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """loc."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc."""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        """scale."""
        return self.scale

    @property
    def variance(self) -> Tensor:
        """scale^2."""
        return self.scale.pow(2)

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values, without gradients."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return normal(self.loc.expand(shape), self.scale)

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw loc + scale z, z standard normal."""
        z = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype, self.loc.device)
        return self.loc + z * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        return -0.5 * z.pow(2) - self.scale.log() - _LOG_ROOT_2PI

    def cdf(self, value: Tensor) -> Tensor:
        """Return (1 + erf((x - loc) / (scale sqrt(2)))) / 2."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        return 0.5 * (1 + (z / math.sqrt(2)).erf())

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value at which `cdf` has a value."""
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Tensor:
        """Return log(scale sqrt(2 pi e))."""
        return self.scale.log() + (0.5 + _LOG_ROOT_2PI)

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        precision = self.scale.pow(-2)
        return self.loc * precision, -0.5 * precision

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        return 0.5 * (-math.pi / y).log() - 0.25 * x.pow(2) / y
