"""Relaxed Bernoulli distributions: numbers between 0 and 1 with gradients."""

from __future__ import annotations

from typing import Any

from .._tensor import Size, Tensor
from ..ops.sampling import rand
from . import constraints
from .distribution import _NO_SHAPE, Distribution
from .parameters import (
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)
from .transformed_distribution import TransformedDistribution
from .transforms import SigmoidTransform

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(Distribution):
    """The logits of relaxed Bernoulli variables: (logit(p) + logit(u)) / temperature, u uniform.

    Args:
        temperature: the relaxation.
        probs: p. Give either this
        logits: or log(p / (1 - p)).
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both are given, or none.

    Example:
        >>> from rushlight.distributions.relaxed_bernoulli import LogitRelaxedBernoulli
        >>> relaxed = LogitRelaxedBernoulli(rushlight.tensor(2.0), probs=rushlight.tensor(0.5))
        >>> relaxed.log_prob(rushlight.tensor(0.0)).exp()
        tensor(0.5000)

    Reference: `torch.distributions.relaxed_bernoulli.LogitRelaxedBernoulli`; Maddison, Mnih and
        Teh, The concrete distribution (2017).
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real

    def __init__(
        self,
        temperature: Tensor,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ):
        self.temperature = temperature
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
        else:
            (self.logits,) = broadcast_all(logits)
        self._param = self.logits if probs is None else self.probs
        super().__init__(self._param.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(LogitRelaxedBernoulli, _instance)
        batch_shape = Size(batch_shape)
        new.temperature = self.temperature
        for name in ("probs", "logits"):
            if name in self.__dict__:
                new._param = self.__dict__[name].expand(batch_shape)
                setattr(new, name, new._param)
        Distribution.__init__(new, batch_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """p."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._param.shape

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values with gradients with respect to the parameters."""
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(rand(shape, dtype=probs.dtype, device=probs.device))
        logits = u.log() - (-u).log1p() + probs.log() - (-probs).log1p()
        return logits / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        difference = logits - value.mul(self.temperature)
        return self.temperature.log() + difference - 2 * difference.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """Bernoulli variables relaxed to numbers between 0 and 1, so that samples have gradients.

    The lower the temperature, the nearer samples are to 0 and 1.

    Args:
        temperature: the relaxation.
        probs: the probability of 1. Give either this
        logits: or its log odds.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both are given, or none.

    Example:
        >>> from rushlight.distributions import RelaxedBernoulli
        >>> relaxed = RelaxedBernoulli(rushlight.tensor(0.5), probs=rushlight.tensor([0.1, 0.9]))
        >>> relaxed.rsample().shape
        torch.Size([2])

    Reference: `torch.distributions.RelaxedBernoulli`.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    base_dist: LogitRelaxedBernoulli

    def __init__(
        self,
        temperature: Tensor,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ):
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(RelaxedBernoulli, _instance)
        return super().expand(batch_shape, _instance=new)

    @property
    def temperature(self) -> Tensor:
        """The relaxation."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The log odds of 1."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probability of 1."""
        return self.base_dist.probs
