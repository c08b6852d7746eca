"""Transforms of numbers, one by one."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..backend.dtype import finfo
from ..ops.activation import softplus
from ..ops.creation import full_like
from ..ops.shape import broadcast_shapes
from . import constraints
from ._transform import Transform
from .constraints import Constraint
from .distribution import Distribution
from .parameters import Number, broadcast_all


class Parameterless(Transform):
    """Transforms without parameters: any two of a class are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))


class Increasing(Parameterless):
    """Bijective transforms without parameters that rise."""

    bijective = True
    sign = 1


class ExpTransform(Increasing):
    """y = exp(x).

    Example:
        >>> from rushlight.distributions import ExpTransform
        >>> ExpTransform()(rushlight.tensor([0.0, 1.0]))
        tensor([1.0000, 2.7183])

    Reference: `torch.distributions.transforms.ExpTransform`.
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return x."""
        return x


class PowerTransform(Transform):
    """y = x^exponent for positive x.

    Args:
        exponent: numbers, broadcast against x.
        cache_size: 0 or 1, see `Transform`.

    Example:
        >>> from rushlight.distributions import PowerTransform
        >>> PowerTransform(2.0)(rushlight.tensor([1.0, 3.0]))
        tensor([1., 9.])

    Reference: `torch.distributions.transforms.PowerTransform`.
    """

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0):
        super().__init__(cache_size=cache_size)
        (self.exponent,) = broadcast_all(exponent)

    def with_cache(self, cache_size: int = 1) -> Transform:
        """Return this transform with another cache size."""
        return self._remade(PowerTransform, cache_size, self.exponent)

    @property
    def sign(self) -> Tensor:
        """The sign of the exponent."""
        return self.exponent.sign()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and bool(self.exponent.eq(other.exponent).all())

    def _call(self, x: Tensor) -> Tensor:
        return x.pow(self.exponent)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log |exponent y / x|."""
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Any) -> Any:
        """Return the shape broadcast against the exponent's."""
        return broadcast_shapes(shape, self.exponent.shape)

    inverse_shape = forward_shape


def clipped_sigmoid(x: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-x)), kept apart from 0 and 1."""
    limits = finfo(x.dtype)
    return x.sigmoid().clamp(min=limits.tiny, max=1.0 - limits.eps)


class SigmoidTransform(Increasing):
    """y = 1 / (1 + exp(-x)).

    Example:
        >>> from rushlight.distributions import SigmoidTransform
        >>> SigmoidTransform().inv(rushlight.tensor([0.5, 0.75]))
        tensor([0.0000, 1.0986])

    Reference: `torch.distributions.transforms.SigmoidTransform`.
    """

    domain = constraints.real
    codomain = constraints.unit_interval

    def _call(self, x: Tensor) -> Tensor:
        return clipped_sigmoid(x)

    def _inverse(self, y: Tensor) -> Tensor:
        limits = finfo(y.dtype)
        y = y.clamp(min=limits.tiny, max=1.0 - limits.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log(y (1 - y)), computed from x."""
        return -softplus(-x) - softplus(x)


class SoftplusTransform(Increasing):
    """y = log(1 + exp(x)), which is x where x > 20.

    Example:
        >>> from rushlight.distributions import SoftplusTransform
        >>> SoftplusTransform()(rushlight.tensor([0.0, 30.0]))
        tensor([ 0.6931, 30.0000])

    Reference: `torch.distributions.transforms.SoftplusTransform`.
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return -log(1 + exp(-x))."""
        return -softplus(-x)


class TanhTransform(Increasing):
    """y = tanh(x).

    The inverse loses precision near -1 and 1; with `cache_size=1` that of a sample is exact.

    Example:
        >>> from rushlight.distributions import Normal, TanhTransform, TransformedDistribution
        >>> squashed = TransformedDistribution(Normal(0.0, 1.0), TanhTransform(cache_size=1))
        >>> squashed.log_prob(rushlight.tensor(0.0))
        tensor(-0.9189)

    Reference: `torch.distributions.transforms.TanhTransform`.
    """

    domain = constraints.real
    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log(1 - y^2), computed from x."""
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class AbsTransform(Parameterless):
    """y = |x|; the inverse is y itself.

    Example:
        >>> from rushlight.distributions import AbsTransform
        >>> AbsTransform()(rushlight.tensor([-1.0, 2.0]))
        tensor([1., 2.])

    Reference: `torch.distributions.transforms.AbsTransform`.
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class AffineTransform(Transform):
    """y = loc + scale x.

    Args:
        loc: the value of 0.
        scale: the slope.
        event_dim: how many of the last dimensions make one value.
        cache_size: 0 or 1, see `Transform`.

    Example:
        >>> from rushlight.distributions import AffineTransform
        >>> AffineTransform(1.0, 2.0)(rushlight.tensor([0.0, 3.0]))
        tensor([1., 7.])

    Reference: `torch.distributions.transforms.AffineTransform`.
    """

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0):
        super().__init__(cache_size=cache_size)
        self.loc = loc
        self.scale = scale
        self._event_dim = event_dim

    @property
    def event_dim(self) -> int:
        """The number of dimensions of a value."""
        return self._event_dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Constraint:
        """Real numbers."""
        if self._event_dim == 0:
            return constraints.real
        return constraints.independent(constraints.real, self._event_dim)

    codomain = domain

    def with_cache(self, cache_size: int = 1) -> Transform:
        """Return this transform with another cache size."""
        arguments = self.loc, self.scale, self._event_dim
        return self._remade(AffineTransform, cache_size, *arguments)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AffineTransform):
            return False
        return _same(self.loc, other.loc) and _same(self.scale, other.scale)

    @property
    def sign(self) -> Any:
        """The sign of the scale."""
        if isinstance(self.scale, Number):
            return (self.scale > 0) - (self.scale < 0)
        return self.scale.sign()

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log |scale|, added up over a value."""
        shape = x.shape
        if isinstance(self.scale, Number):
            result = full_like(x, math.log(abs(self.scale)))
        else:
            result = self.scale.abs().log()
        if self._event_dim:
            result = result.reshape((*result.shape[: -self._event_dim], -1)).sum(-1)
            shape = shape[: -self._event_dim]
        return result.expand(shape)

    def forward_shape(self, shape: Any) -> Any:
        """Return the shape broadcast against those of loc and scale."""
        loc, scale = getattr(self.loc, "shape", ()), getattr(self.scale, "shape", ())
        return broadcast_shapes(shape, loc, scale)

    inverse_shape = forward_shape


def _same(a: Any, b: Any) -> bool:
    same = a == b
    return bool(same.all()) if isinstance(same, Tensor) else same


class CumulativeDistributionTransform(Transform):
    """y = F(x) for the cumulative distribution function F of a distribution.

    Args:
        distribution: a distribution of numbers with `cdf` and `icdf`.
        cache_size: 0 or 1, see `Transform`.

    Example:
        >>> from rushlight.distributions import CumulativeDistributionTransform, Normal
        >>> t = CumulativeDistributionTransform(Normal(0.0, 1.0))
        >>> t(rushlight.tensor([-1.0, 0.0]))
        tensor([0.1587, 0.5000])

    Reference: `torch.distributions.transforms.CumulativeDistributionTransform`.
    """

    bijective = True
    codomain = constraints.unit_interval
    sign = 1

    def __init__(self, distribution: Distribution, cache_size: int = 0):
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:
        """The distribution's support."""
        return self.distribution.support

    def _call(self, x: Tensor) -> Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the logarithm of the density at x."""
        return self.distribution.log_prob(x)

    def with_cache(self, cache_size: int = 1) -> Transform:
        """Return this transform with another cache size."""
        return self._remade(CumulativeDistributionTransform, cache_size, self.distribution)
