"""Relaxed one-hot categorical distributions: points of the simplex with gradients."""

from __future__ import annotations

from typing import Any

from .._tensor import Size, Tensor
from ..ops.creation import full_like
from ..ops.sampling import rand
from . import constraints
from .categorical import Categorical
from .distribution import _NO_SHAPE, Distribution
from .parameters import broadcast_all, clamp_probs
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(Distribution):
    """The logarithms of relaxed one-hot vectors: log softmax((logits + g) / temperature).

    g is Gumbel noise. Working with logarithms avoids underflow at low temperatures.

    Args:
        temperature: the relaxation.
        probs: the probabilities of the categories, (..., K). Give either these
        logits: or their logarithms, up to a constant.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both are given, or none.

    Example:
        >>> from rushlight.distributions.relaxed_categorical import ExpRelaxedCategorical
        >>> relaxed = ExpRelaxedCategorical(rushlight.tensor(1.0), logits=rushlight.zeros(3))
        >>> relaxed.rsample().exp().sum().round(decimals=4)
        tensor(1.)

    Reference: `torch.distributions.relaxed_categorical.ExpRelaxedCategorical`; Jang, Gu and
        Poole, Categorical reparameterization with Gumbel-softmax (2017).
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        temperature: Tensor,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        batch_shape = self._categorical.batch_shape
        event_shape = self._categorical.param_shape[-1:]
        super().__init__(batch_shape, event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(ExpRelaxedCategorical, _instance)
        batch_shape = Size(batch_shape)
        new.temperature = self.temperature
        new._categorical = self._categorical.expand(batch_shape)
        Distribution.__init__(new, batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._categorical.param_shape

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities of the categories."""
        return self._categorical.probs

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values with gradients with respect to the parameters."""
        shape, logits = self._extended_shape(sample_shape), self.logits
        u = clamp_probs(rand(shape, dtype=logits.dtype, device=logits.device))
        noise = -((-(u.log())).log())
        scores = (logits + noise) / self.temperature
        return scores - scores.logsumexp(-1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        count = self.event_shape[-1]
        factor = full_like(self.temperature, float(count)).lgamma()
        factor = factor - self.temperature.log().mul(-(count - 1))
        score = logits - value.mul(self.temperature)
        return (score - score.logsumexp(-1, keepdim=True)).sum(-1) + factor


class RelaxedOneHotCategorical(TransformedDistribution):
    """One-hot vectors relaxed to points of the simplex, so that samples have gradients.

    The lower the temperature, the nearer samples are to one-hot vectors.

    Args:
        temperature: the relaxation.
        probs: the probabilities of the categories, (..., K). Give either these
        logits: or their logarithms, up to a constant.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both are given, or none.

    Example:
        >>> from rushlight.distributions import RelaxedOneHotCategorical
        >>> relaxed = RelaxedOneHotCategorical(rushlight.tensor(0.5), logits=rushlight.zeros(3))
        >>> relaxed.rsample((2,)).sum(-1).round(decimals=4)
        tensor([1., 1.])

    Reference: `torch.distributions.RelaxedOneHotCategorical`.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    base_dist: ExpRelaxedCategorical

    def __init__(
        self,
        temperature: Tensor,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(RelaxedOneHotCategorical, _instance)
        return super().expand(batch_shape, _instance=new)

    @property
    def temperature(self) -> Tensor:
        """The relaxation."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities of the categories."""
        return self.base_dist.probs
