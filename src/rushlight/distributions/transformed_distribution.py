"""Distributions of transformed random variables."""

from __future__ import annotations

from typing import Any, TypeVar

from .._tensor import Size, Tensor
from ..autograd.mode import no_grad
from . import constraints
from .constraints import Constraint
from .distribution import _NO_SHAPE, Distribution
from .independent import Independent
from .parameters import _sum_rightmost
from .transforms import ComposeTransform, Transform

__all__ = ["TransformedDistribution"]

T = TypeVar("T", bound="TransformedDistribution")


class TransformedDistribution(Distribution):
    """The distribution of y = t(x) for x from another distribution.

    log p(y) = log p(x) - log |det dy/dx|, with x = t.inv(y).

    Args:
        base_distribution: the distribution of x.
        transforms: a transform, or a list of them, the first to be applied first.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: `transforms` is neither, or a transform needs more dimensions than x has.

    Example:
        >>> from rushlight.distributions import AffineTransform, SigmoidTransform, Uniform
        >>> from rushlight.distributions import TransformedDistribution
        >>> steps = [SigmoidTransform().inv, AffineTransform(loc=1.0, scale=2.0)]
        >>> logistic = TransformedDistribution(Uniform(0.0, 1.0), steps)
        >>> logistic.cdf(rushlight.tensor([1.0, 3.0]))
        tensor([0.5000, 0.7311])

    Reference: `torch.distributions.TransformedDistribution`.
    """

    arg_constraints: Any = {}
    base_dist: Any

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | list[Transform],
        validate_args: bool | None = None,
    ):
        self.transforms = _as_list(transforms)
        whole = ComposeTransform(self.transforms)
        base_event_dim = len(base_distribution.event_shape)
        base_shape = base_distribution.batch_shape + base_distribution.event_shape
        if len(base_shape) < whole.domain.event_dim:
            raise ValueError(
                "base_distribution needs to have shape with size at least "
                f"{whole.domain.event_dim}, but got {base_shape}."
            )
        shape = whole.forward_shape(base_shape)
        wider = whole.inverse_shape(shape)
        if wider != base_shape:  # the transforms' parameters have more batch dimensions
            base_distribution = base_distribution.expand(wider[: len(wider) - base_event_dim])
        joined = whole.domain.event_dim - base_event_dim
        if joined > 0:
            base_distribution = Independent(base_distribution, joined)
        self.base_dist = base_distribution
        more = whole.codomain.event_dim - whole.domain.event_dim
        event_dim = max(whole.codomain.event_dim, base_event_dim + more)
        cut = len(shape) - event_dim
        super().__init__(Size(shape[:cut]), Size(shape[cut:]), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = self._get_checked_instance(TransformedDistribution, _instance)
        batch_shape = Size(batch_shape)
        shape = batch_shape + self.event_shape
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        base_batch_shape = shape[: len(shape) - len(self.base_dist.event_shape)]
        new.base_dist = self.base_dist.expand(base_batch_shape)
        new.transforms = self.transforms
        Distribution.__init__(new, batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _expand_parameters(self, cls: type[T], batch_shape: Any, _instance: Any) -> T:
        """Expand a class whose parameters, all it is made from, are in `arg_constraints`."""
        new = self._get_checked_instance(cls, _instance)
        expanded = {name: getattr(self, name).expand(batch_shape) for name in cls.arg_constraints}
        cls.__init__(new, **expanded, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Constraint:
        """The codomain of the last transform."""
        if not self.transforms:
            return self.base_dist.support
        codomain = self.transforms[-1].codomain
        more = len(self.event_shape) - codomain.event_dim
        return constraints.independent(codomain, more) if more > 0 else codomain

    @property
    def has_rsample(self) -> bool:
        """Whether samples have gradients: if those of x have."""
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values, without gradients."""
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values with gradients with respect to the parameters."""
        return self._transformed(self.base_dist.rsample(sample_shape))

    def _transformed(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        event_dim = len(self.event_shape)
        result: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            stretch = transform.log_abs_det_jacobian(x, y)
            result = result - _sum_rightmost(stretch, event_dim - transform.domain.event_dim)
            y = x
        base = self.base_dist.log_prob(y)
        return result + _sum_rightmost(base, event_dim - len(self.base_dist.event_shape))

    def _monotonize_cdf(self, value: Any) -> Any:
        """Return 1 - value where the transforms together fall."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return value
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a value at most as large."""
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._monotonize_cdf(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value at which `cdf` has a value."""
        return self._transformed(self.base_dist.icdf(self._monotonize_cdf(value)))


def _as_list(transforms: Any) -> list[Transform]:
    if isinstance(transforms, Transform):
        return [transforms]
    if not isinstance(transforms, list):
        raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
    if not all(isinstance(t, Transform) for t in transforms):
        raise ValueError("transforms must be a Transform or a list of Transforms")
    return transforms
