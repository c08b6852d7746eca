"""Cauchy distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..ops.creation import empty, full_like
from . import constraints
from ._elementwise import Elementwise
from .distribution import _NO_SHAPE
from .parameters import broadcast_all

__all__ = ["Cauchy"]


class Cauchy(Elementwise):
    """The density 1 / (pi scale (1 + ((x - loc) / scale)^2)), which has no mean.

    Args:
        loc: the median.
        scale: half the width at half the height.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import Cauchy
        >>> Cauchy(0.0, 1.0).icdf(rushlight.tensor(0.75))
        tensor(1.)

    Reference: `torch.distributions.Cauchy`.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """NaN."""
        return full_like(self.loc.detach(), math.nan)

    @property
    def mode(self) -> Tensor:
        """loc."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Infinity."""
        return full_like(self.loc.detach(), math.inf)

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw loc + scale c, c standard Cauchy."""
        shape = self._extended_shape(sample_shape)
        c = empty(shape, dtype=self.loc.dtype, device=self.loc.device).cauchy_()
        return self.loc + c * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        return -math.log(math.pi) - self.scale.log() - z.pow(2).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        """Return 1/2 + atan((x - loc) / scale) / pi."""
        if self._validate_args:
            self._validate_sample(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value at which `cdf` has a value."""
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Tensor:
        """Return log(4 pi scale)."""
        return math.log(4 * math.pi) + self.scale.log()
