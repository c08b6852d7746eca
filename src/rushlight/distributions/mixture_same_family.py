"""Mixtures of distributions of one kind."""

from __future__ import annotations

from typing import Any

from .._tensor import Size, Tensor
from ..autograd.mode import no_grad
from . import constraints
from .categorical import Categorical
from .constraints import Constraint
from .distribution import _NO_SHAPE, Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """One of several distributions of a kind, chosen at random for each value.

    p(x) = sum_k pi_k p_k(x). Samples have no gradients.

    Args:
        mixture_distribution: the distribution of k.
        component_distribution: the p_k, along its last batch dimension.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: an argument is no such distribution, or their shapes do not fit.

    Example:
        >>> from rushlight.distributions import Categorical, MixtureSameFamily, Normal
        >>> weights = Categorical(rushlight.tensor([0.25, 0.75]))
        >>> mixture = MixtureSameFamily(weights, Normal(rushlight.tensor([-1.0, 1.0]), 1.0))
        >>> mixture.mean, mixture.variance
        (tensor(0.5000), tensor(1.7500))

    Reference: `torch.distributions.MixtureSameFamily`.
    """

    arg_constraints: Any = {}
    has_rsample = False

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ):
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of "
                "torch.distributions.Categorical"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of "
                "torch.distributions.Distribution"
            )
        _check_fit(mixture_distribution, component_distribution)
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        self._num_component = component_distribution.batch_shape[-1]
        event_shape = component_distribution.event_shape
        self._event_ndims = len(event_shape)
        batch_shape = component_distribution.batch_shape[:-1]
        super().__init__(batch_shape, event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        batch_shape = Size(batch_shape)
        components = self._component_distribution.expand((*batch_shape, self._num_component))
        weights = self._mixture_distribution.expand(batch_shape)
        MixtureSameFamily.__init__(new, weights, components, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property
    def support(self) -> Constraint:
        """The values that all components can have."""
        support = self._component_distribution.support
        assert support is not None
        return constraints.MixtureSameFamilyConstraint(support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The distribution of the choice."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The distributions to choose from."""
        return self._component_distribution

    @property
    def mean(self) -> Tensor:
        """The weighted mean of the components' means."""
        return (self._weights() * self._component_distribution.mean).sum(self._dim)

    @property
    def variance(self) -> Tensor:
        """The mean of the components' variances and the variance of their means."""
        weights, components, dim = self._weights(), self._component_distribution, self._dim
        within = (weights * components.variance).sum(dim)
        between = (weights * (components.mean - self._pad(self.mean)).pow(2.0)).sum(dim)
        return within + between

    def cdf(self, x: Tensor) -> Tensor:
        """Return the probability of a value at most as large."""
        each = self._component_distribution.cdf(self._pad(x))
        return (each * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the logarithm of the density or probability."""
        if self._validate_args:
            self._validate_sample(x)
        each = self._component_distribution.log_prob(self._pad(x))
        return (each + self._mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values: of every component, of which the chosen one is kept."""
        with no_grad():
            chosen = self._mixture_distribution.sample(sample_shape)
            drawn = self._component_distribution.sample(sample_shape)
            dim = len(sample_shape) + len(self.batch_shape)
            index = chosen.reshape((*chosen.shape, 1, *[1] * self._event_ndims))
            index = index.expand((*chosen.shape, 1, *self.event_shape))
            return drawn.gather(dim, index).squeeze(dim)

    @property
    def _dim(self) -> int:
        """The dimension of the components."""
        return -1 - self._event_ndims

    def _pad(self, value: Tensor) -> Tensor:
        return value.unsqueeze(self._dim)

    def _weights(self) -> Tensor:
        """Return the weights in a shape that broadcasts against the components' moments."""
        probs = self._mixture_distribution.probs
        mixture_ndims = len(self._mixture_distribution.batch_shape)
        missing = 0 if mixture_ndims == 1 else len(self.batch_shape) - mixture_ndims
        shape = (*probs.shape[:-1], *[1] * missing, probs.shape[-1], *[1] * self._event_ndims)
        return probs.reshape(shape)

    def __repr__(self) -> str:
        mixture, components = self._mixture_distribution, self._component_distribution
        return f"MixtureSameFamily(\n  {mixture},\n  {components})"


def _check_fit(mixture: Categorical, components: Distribution) -> None:
    batch, wanted = mixture.batch_shape, components.batch_shape[:-1]
    for a, b in zip(reversed(batch), reversed(wanted), strict=False):
        if a != b and 1 not in (a, b):
            raise ValueError(
                f"`mixture_distribution.batch_shape` ({batch}) is not compatible with "
                f"`component_distribution.batch_shape`({wanted})"
            )
    count, found = mixture.logits.shape[-1], components.batch_shape[-1]
    if count != found:
        raise ValueError(
            f"`mixture_distribution component` ({count}) does not equal "
            f"`component_distribution.batch_shape[-1]` ({found})"
        )
