"""Half-Cauchy distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..ops.creation import full_like, zeros_like
from ..ops.from_data import as_tensor
from . import constraints
from .cauchy import Cauchy
from .transformed_distribution import TransformedDistribution
from .transforms import AbsTransform

__all__ = ["HalfCauchy"]


class HalfCauchy(TransformedDistribution):
    """The distribution of |x| for x from Cauchy(0, scale).

    Args:
        scale: half the width of Cauchy's density at half its height.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import HalfCauchy
        >>> HalfCauchy(1.0).cdf(rushlight.tensor(1.0))
        tensor(0.5000)

    Reference: `torch.distributions.HalfCauchy`.
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    base_dist: Cauchy

    def __init__(self, scale: Any, validate_args: bool | None = None):
        base = Cauchy(0, scale, validate_args=False)
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(HalfCauchy, _instance)
        return super().expand(batch_shape, _instance=new)

    @property
    def scale(self) -> Tensor:
        """Half the width of Cauchy's density at half its height."""
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        """Infinity."""
        return full_like(self.scale, math.inf)

    @property
    def mode(self) -> Tensor:
        """0."""
        return zeros_like(self.scale)

    @property
    def variance(self) -> Tensor:
        """Infinity."""
        return self.base_dist.variance

    def log_prob(self, value: Any) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        value = as_tensor(value, dtype=self.scale.dtype, device=self.scale.device)
        log_prob = self.base_dist.log_prob(value) + math.log(2)
        return log_prob.masked_fill(~(value >= 0), -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a value at most as large."""
        if self._validate_args:
            self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, prob: Tensor) -> Tensor:
        """Return the value at which `cdf` has a value."""
        return self.base_dist.icdf((prob + 1) / 2)

    def entropy(self) -> Tensor:
        """Return Cauchy's entropy - log 2."""
        return self.base_dist.entropy() - math.log(2)
