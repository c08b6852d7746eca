"""Categorical distributions of one-hot vectors."""

from __future__ import annotations

from typing import Any

from .._tensor import Size, Tensor
from ..ops.creation import eye
from ..ops.embedding import one_hot
from . import constraints
from ._elementwise import listed
from .categorical import Categorical
from .distribution import _NO_SHAPE, Distribution

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(Distribution):
    """Vectors of K elements, one of which is 1 and the others 0.

    Args:
        probs: (..., K), nonnegative; they are normalized to sum to 1.
        logits: (..., K), log probabilities up to a constant, instead; they are normalized too.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or none of `probs` and `logits` are given, or a single number.

    Example:
        >>> from rushlight.distributions import OneHotCategorical
        >>> OneHotCategorical(rushlight.tensor([1.0, 0.0, 0.0])).sample()
        tensor([1., 0., 0.])

    Reference: `torch.distributions.OneHotCategorical`.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        self._categorical = Categorical(probs, logits)
        event_shape = self._categorical.param_shape[-1:]
        super().__init__(self._categorical.batch_shape, event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(OneHotCategorical, _instance)
        batch_shape = Size(batch_shape)
        new._categorical = self._categorical.expand(batch_shape)
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def _param(self) -> Tensor:
        return self._categorical._param

    @property
    def probs(self) -> Tensor:
        """Probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """Log probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Size:
        """The shape of `probs` and `logits`."""
        return self._categorical.param_shape

    @property
    def mean(self) -> Tensor:
        """probs."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The most probable vector."""
        return self._one_hot(self._categorical.mode)

    @property
    def variance(self) -> Tensor:
        """p (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw vectors, without gradients."""
        return self._one_hot(self._categorical.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        return self._categorical.log_prob(value.max(-1)[1])

    def entropy(self) -> Tensor:
        """Return -sum p log(p)."""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return the K vectors along a new first dimension."""
        vectors = eye(self._event_shape[0], dtype=self._param.dtype, device=self._param.device)
        return listed(vectors, self._batch_shape, expand)

    def _one_hot(self, category: Tensor) -> Tensor:
        return one_hot(category, self._event_shape[0]).type_as(self.probs)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """One-hot vectors through which gradients pass as if they were the probabilities.

    The parameters are those of `OneHotCategorical`.

    Example:
        >>> from rushlight.distributions import OneHotCategoricalStraightThrough
        >>> logits = rushlight.tensor([50.0, 0.0], requires_grad=True)
        >>> OneHotCategoricalStraightThrough(logits=logits).rsample().requires_grad
        True

    Reference: `torch.distributions.OneHotCategoricalStraightThrough`; Y. Bengio, N. Léonard and
        A. Courville, Estimating or propagating gradients through stochastic neurons for
        conditional computation (2013).
    """

    has_rsample = True

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw vectors with the gradients of `probs`."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
