"""Kumaraswamy distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..ops.creation import ones_like, zeros_like
from . import constraints
from .parameters import EULER, broadcast_all
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .uniform import Uniform

__all__ = ["Kumaraswamy"]


class Kumaraswamy(TransformedDistribution):
    """Numbers between 0 and 1 with F(x) = 1 - (1 - x^a)^b: like Beta, but easy to invert.

    Args:
        concentration1: a.
        concentration0: b.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import Kumaraswamy
        >>> Kumaraswamy(1.0, 3.0).mean
        tensor(0.2500)

    Reference: `torch.distributions.Kumaraswamy`.
    """

    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None):
        a, b = broadcast_all(concentration1, concentration0)
        self.concentration1, self.concentration0 = a, b
        base = Uniform(zeros_like(b), ones_like(b), validate_args=validate_args)
        transforms = [
            PowerTransform(b.reciprocal()),
            AffineTransform(1.0, -1.0),
            PowerTransform(a.reciprocal()),
        ]
        super().__init__(base, transforms, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        return self._expand_parameters(Kumaraswamy, batch_shape, _instance)

    def _moment(self, n: int) -> Tensor:
        """Return E[x^n] = b B(1 + n / a, b)."""
        a, b = self.concentration1, self.concentration0
        first = 1 + n / a
        return b * (first.lgamma() + b.lgamma() - (first + b).lgamma()).exp()

    @property
    def mean(self) -> Tensor:
        """b B(1 + 1 / a, b)."""
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        """((a - 1) / (a b - 1))^(1 / a), where a and b are at least 1; else NaN."""
        a, b = self.concentration1, self.concentration0
        log_mode = b.reciprocal() * (-b).log1p() - (-b * a).log1p()
        return log_mode.masked_fill((b < 1) | (a < 1), math.nan).exp()

    @property
    def variance(self) -> Tensor:
        """E[x^2] - mean^2."""
        return self._moment(2) - self.mean.pow(2)

    def entropy(self) -> Tensor:
        """Return 1 - 1 / b + (1 - 1 / a) H_b - log(a b) with the harmonic number H_b."""
        a, b = self.concentration1, self.concentration0
        harmonic = (b + 1).digamma() + EULER
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - a.log() - b.log()
