"""Laplace distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..backend.dtype import finfo
from ..ops.creation import empty
from . import constraints
from ._elementwise import Elementwise
from .distribution import _NO_SHAPE
from .parameters import broadcast_all

__all__ = ["Laplace"]


class Laplace(Elementwise):
    """The density exp(-|x - loc| / scale) / (2 scale).

    Args:
        loc: the mean.
        scale: the mean distance from it.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import Laplace
        >>> Laplace(0.0, 1.0).cdf(rushlight.tensor(0.0))
        tensor(0.5000)

    Reference: `torch.distributions.Laplace`.
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
        """loc."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """2 scale^2."""
        return 2 * self.scale.pow(2)

    @property
    def stddev(self) -> Tensor:
        """sqrt(2) scale."""
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw loc - scale sign(u) log(1 - |u|), u uniform on (-1, 1)."""
        shape = self._extended_shape(sample_shape)
        u = empty(shape, dtype=self.loc.dtype, device=self.loc.device)
        u.uniform_(finfo(self.loc.dtype).eps - 1, 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a value at most as large."""
        if self._validate_args:
            self._validate_sample(value)
        away = value - self.loc
        return 0.5 - 0.5 * away.sign() * (-away.abs() / self.scale).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value at which `cdf` has a value."""
        away = value - 0.5
        return self.loc - self.scale * away.sign() * (-2 * away.abs()).log1p()

    def entropy(self) -> Tensor:
        """Return 1 + log(2 scale)."""
        return 1 + (2 * self.scale).log()
