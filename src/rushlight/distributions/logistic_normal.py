"""Logistic-normal distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from . import constraints
from .independent import Independent
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """Points of the simplex: the stick-breaking transform of independent normal variables.

    Args:
        loc: the means, (..., K).
        scale: the standard deviations, (..., K).
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import LogisticNormal
        >>> points = LogisticNormal(rushlight.zeros(3), rushlight.ones(3)).sample((2,))
        >>> points.shape, points.sum(-1).round(decimals=4)
        (torch.Size([2, 4]), tensor([1., 1.]))

    Reference: `torch.distributions.LogisticNormal`.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True
    base_dist: Independent[Normal]

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None):
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(LogisticNormal, _instance)
        return super().expand(batch_shape, _instance=new)

    @property
    def loc(self) -> Tensor:
        """The means of the normal variables."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """The standard deviations of the normal variables."""
        return self.base_dist.base_dist.scale
