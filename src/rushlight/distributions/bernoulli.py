"""Bernoulli distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..ops.loss import binary_cross_entropy_with_logits
from ..ops.ranges import arange
from ..ops.sampling import bernoulli
from . import constraints
from ._elementwise import Binary, listed, probs_or_logits
from .distribution import _NO_SHAPE
from .exp_family import ExponentialFamily
from .parameters import broadcast_all

__all__ = ["Bernoulli"]


class Bernoulli(Binary, ExponentialFamily):
    """1 with probability `probs`, else 0.

    Args:
        probs: the probability of 1.
        logits: its log odds, instead.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or none of `probs` and `logits` are given.

    Example:
        >>> from rushlight.distributions import Bernoulli
        >>> Bernoulli(probs=0.25).log_prob(rushlight.tensor([0.0, 1.0])).exp()
        tensor([0.7500, 0.2500])

    Reference: `torch.distributions.Bernoulli`.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0
    _parameters = Binary._parameters

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        name, given = probs_or_logits(probs, logits)
        self._set_parameter(name, *broadcast_all(given))
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """probs."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The likelier value; NaN where both are as likely."""
        likelier = (self.probs >= 0.5).type_as(self.probs)
        return likelier.masked_fill(self.probs == 0.5, math.nan)

    @property
    def variance(self) -> Tensor:
        """p (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values, without gradients."""
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        """Return -p log(p) - (1 - p) log(1 - p)."""
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return 0 and 1 along a new first dimension."""
        both = arange(2, dtype=self._param.dtype, device=self._param.device)
        return listed(both, self._batch_shape, expand)

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        return x.exp().log1p()
