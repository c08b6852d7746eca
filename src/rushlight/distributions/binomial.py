"""Binomial distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..ops.ranges import arange
from ..ops.rejection_sampling import binomial
from . import constraints
from ._elementwise import Binary, listed, probs_or_logits
from .constraints import Constraint
from .distribution import _NO_SHAPE
from .parameters import broadcast_all

__all__ = ["Binomial"]


class Binomial(Binary):
    """The number of successes in `total_count` independent trials.

    Args:
        total_count: how many trials: an integer, or a tensor of them.
        probs: the probability of success.
        logits: its log odds, instead.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or none of `probs` and `logits` are given.

    Example:
        >>> from rushlight.distributions import Binomial
        >>> Binomial(2, rushlight.tensor(0.5)).log_prob(rushlight.arange(3.0)).exp()
        tensor([0.2500, 0.5000, 0.2500])

    Reference: `torch.distributions.Binomial`.
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    _parameters = ("total_count", *Binary._parameters)

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ):
        name, given = probs_or_logits(probs, logits)
        total_count, value = broadcast_all(total_count, given)
        self.total_count = total_count.type_as(value)
        self._set_parameter(name, value)
        super().__init__(value.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Constraint:
        """0 ... total_count."""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        """n p."""
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        """The largest integer of at most (n + 1) p, and n."""
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        """n p (1 - p)."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values, without gradients."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        n, logits = self.total_count, self.logits
        log_ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        # -log(1 - p) = log(1 + exp(logits)), without overflow; the gradient of (z + |z|) / 2 at
        # z = 0 is 1/2.
        log_miss = (logits + logits.abs()) / 2 + (-logits.abs()).exp().log1p()
        return value * logits + log_ways - n * log_miss

    def entropy(self) -> Tensor:
        """Return the entropy in nats.

        Raises:
            NotImplementedError: the distributions of the batch differ in `total_count`.
        """
        log_prob = self.log_prob(self._all_counts("entropy", expand=False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return 0 ... total_count along a new first dimension.

        Raises:
            NotImplementedError: the distributions of the batch differ in `total_count`.
        """
        return self._all_counts("enumerate_support", expand)

    def _all_counts(self, asked: str, expand: bool) -> Tensor:
        largest = int(self.total_count.max())
        if self.total_count.min() != largest:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{asked}`.")
        counts = arange(largest + 1, dtype=self._param.dtype, device=self._param.device)
        return listed(counts, self._batch_shape, expand)
