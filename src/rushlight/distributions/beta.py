"""Beta distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..ops.joining import stack
from . import constraints
from ._elementwise import Elementwise
from .dirichlet import Dirichlet
from .distribution import _NO_SHAPE
from .exp_family import ExponentialFamily
from .parameters import broadcast_all

__all__ = ["Beta"]


class Beta(Elementwise, ExponentialFamily):
    """The density x^(a - 1) (1 - x)^(b - 1) / B(a, b) on [0, 1].

    Args:
        concentration1: a.
        concentration0: b.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import Beta
        >>> Beta(1.0, 3.0).mean
        tensor(0.2500)

    Reference: `torch.distributions.Beta`.
    """

    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True
    _parameters = ("_dirichlet",)

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None):
        both = stack(broadcast_all(concentration1, concentration0), -1)
        self._dirichlet = Dirichlet(both, validate_args=validate_args)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    @property
    def concentration1(self) -> Tensor:
        """a."""
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self) -> Tensor:
        """b."""
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self) -> Tensor:
        """a / (a + b)."""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        """(a - 1) / (a + b - 2), within [0, 1]."""
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Tensor:
        """a b / ((a + b)^2 (a + b + 1))."""
        return self._dirichlet.variance[..., 0]

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values with gradients with respect to both parameters."""
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        return self._dirichlet.log_prob(stack((value, 1.0 - value), -1))

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        return self._dirichlet.entropy()

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return self.concentration1, self.concentration0

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        return x.lgamma() + y.lgamma() - (x + y).lgamma()
