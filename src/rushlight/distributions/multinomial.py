"""Multinomial distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Size, Tensor
from ..ops.creation import ones_like, zeros
from ..ops.from_data import tensor
from . import constraints
from .binomial import Binomial
from .categorical import Categorical
from .constraints import Constraint
from .distribution import _NO_SHAPE, Distribution
from .parameters import broadcast_all

__all__ = ["Multinomial"]


class Multinomial(Distribution):
    """How often each of K categories comes up in `total_count` draws.

    Args:
        total_count: how many draws. `log_prob` does not need it.
        probs: (..., K), nonnegative; they are normalized to sum to 1.
        logits: (..., K), log probabilities up to a constant, instead; they are normalized too.
        validate_args: whether to check parameters and values.

    Raises:
        NotImplementedError: `total_count` is no integer.
        ValueError: both or none of `probs` and `logits` are given, or a single number.

    Example:
        >>> from rushlight.distributions import Multinomial
        >>> pair = Multinomial(2, probs=rushlight.tensor([1.0, 1.0]))
        >>> pair.log_prob(rushlight.tensor([1.0, 1.0])).exp()
        tensor(0.5000)

    Reference: `torch.distributions.Multinomial`.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(
        self,
        total_count: int = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits)
        self._binomial = Binomial(total_count, probs=self.probs)
        event_shape = self._categorical.param_shape[-1:]
        super().__init__(self._categorical.batch_shape, event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(Multinomial, _instance)
        batch_shape = Size(batch_shape)
        new.total_count = self.total_count
        new._categorical = self._categorical.expand(batch_shape)
        new._binomial = self._binomial.expand(batch_shape + self._event_shape)
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Constraint:
        """Counts that add up to total_count."""
        return constraints.multinomial(self.total_count)

    @property
    def logits(self) -> Tensor:
        """Log probabilities."""
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        """Probabilities."""
        return self._categorical.probs

    @property
    def param_shape(self) -> Size:
        """The shape of `probs` and `logits`."""
        return self._categorical.param_shape

    @property
    def mean(self) -> Tensor:
        """n p."""
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        """n p (1 - p)."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw counts (in the dtype of `probs`), without gradients."""
        shape = self._extended_shape(sample_shape)
        drawn = self._categorical.sample((self.total_count, *Size(sample_shape))).movedim(0, -1)
        counts = zeros(shape, dtype=drawn.dtype, device=drawn.device)
        return counts.scatter_add_(-1, drawn, ones_like(drawn)).type_as(self.probs)

    def entropy(self) -> Tensor:
        """Return the entropy in nats, by adding up over all counts of each category."""
        n = tensor(self.total_count)
        counts = self._binomial.enumerate_support(expand=False)[1:]
        chances = self._binomial.log_prob(counts).exp()
        log_orders = (chances * (counts + 1).lgamma()).sum([0, -1])
        return n * self._categorical.entropy() - (n + 1).lgamma() + log_orders

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        # An impossible category that does not come up: 0 log(0) is 0.
        logits = logits.masked_fill((value == 0) & (logits == -math.inf), 0)
        log_ways = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        return log_ways + (logits * value).sum(-1)
