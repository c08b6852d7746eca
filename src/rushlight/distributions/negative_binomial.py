"""Negative binomial distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..ops.activation import logsigmoid
from ..ops.sampling import poisson
from . import constraints
from ._elementwise import Binary, probs_or_logits
from .distribution import _NO_SHAPE
from .gamma import Gamma
from .parameters import broadcast_all, lazy_property

__all__ = ["NegativeBinomial"]


class NegativeBinomial(Binary):
    """The number of successes before `total_count` failures.

    Args:
        total_count: how many failures; any number >= 0 has a distribution.
        probs: the probability of success, in [0, 1).
        logits: its log odds, instead.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or none of `probs` and `logits` are given.

    Example:
        >>> from rushlight.distributions import NegativeBinomial
        >>> NegativeBinomial(3, rushlight.tensor(0.5)).mean
        tensor(3.)

    Reference: `torch.distributions.NegativeBinomial`.
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _parameters = ("total_count", *Binary._parameters)

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ):
        name, given = probs_or_logits(probs, logits)
        total_count, value = broadcast_all(total_count, given)
        self.total_count = total_count.type_as(value)
        self._set_parameter(name, value)
        super().__init__(value.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """n p / (1 - p)."""
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        """The largest integer of at most (n - 1) p / (1 - p), or 0."""
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self) -> Tensor:
        """n p / (1 - p)^2."""
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self) -> Gamma:
        """The distribution of the rate, given which the number is a Poisson one."""
        # Not validated: total_count may be 0.
        return Gamma(self.total_count, (-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values, without gradients."""
        with no_grad():
            return poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        log_chance = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        log_ways = (n + value).lgamma() - (1.0 + value).lgamma() - n.lgamma()
        # Without trials there is one way to get none, where lgamma(0) - lgamma(0) is NaN.
        return log_chance + log_ways.masked_fill(n + value == 0, 0)
