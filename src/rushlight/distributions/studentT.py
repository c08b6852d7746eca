"""Student's t-distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from . import constraints
from ._elementwise import Elementwise
from .chi2 import Chi2
from .distribution import _NO_SHAPE
from .parameters import _standard_normal, broadcast_all

__all__ = ["StudentT"]

_LOG_ROOT_PI = 0.5 * math.log(math.pi)


class StudentT(Elementwise):
    """The distribution of loc + scale z / sqrt(c / df), z standard normal, c chi-squared of df.

    Args:
        df: the degrees of freedom; the tails fall like |x|^-(df + 1).
        loc: the centre.
        scale: the width.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import StudentT
        >>> StudentT(4.0).variance
        tensor(2.)

    Reference: `torch.distributions.StudentT`.
    """

    arg_constraints = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True
    _parameters = ("df", "loc", "scale", "_chi2")

    def __init__(
        self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None
    ):
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """loc; NaN for df <= 1."""
        return self.loc.masked_fill(self.df <= 1, math.nan)

    @property
    def mode(self) -> Tensor:
        """loc."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """scale^2 df / (df - 2); infinity for df <= 2, NaN for df <= 1."""
        excess = (self.df - 2).masked_fill(self.df <= 2, 1)
        variance = self.scale.pow(2) * self.df / excess
        return variance.masked_fill(self.df <= 2, math.inf).masked_fill(self.df <= 1, math.nan)

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values with gradients with respect to all parameters."""
        z = _standard_normal(self._extended_shape(sample_shape), self.df.dtype, self.df.device)
        c = self._chi2.rsample(sample_shape)
        return self.loc + self.scale * z * (c / self.df).rsqrt()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        tail = 0.5 * (self.df + 1) * (z.pow(2) / self.df).log1p()
        return -tail - self._log_height()

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        half, next_half = 0.5 * self.df, 0.5 * (self.df + 1)
        return self._log_height() + next_half * (next_half.digamma() - half.digamma())

    def _log_height(self) -> Tensor:
        """Return -log of the density at loc: log(scale sqrt(df) B(1/2, df/2))."""
        half = 0.5 * self.df
        log_beta = half.lgamma() - (half + 0.5).lgamma() + _LOG_ROOT_PI
        return self.scale.log() + 0.5 * self.df.log() + log_beta
