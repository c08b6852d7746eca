"""F-distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..backend.dtype import finfo
from . import constraints
from ._elementwise import Elementwise
from .distribution import _NO_SHAPE
from .gamma import Gamma
from .parameters import broadcast_all

__all__ = ["FisherSnedecor"]


class FisherSnedecor(Elementwise):
    """The distribution of (c1 / df1) / (c2 / df2), c1 and c2 chi-squared numbers.

    Args:
        df1: the degrees of freedom of c1.
        df2: the degrees of freedom of c2.
        validate_args: whether to check parameters and values.

    Example:
        >>> from rushlight.distributions import FisherSnedecor
        >>> FisherSnedecor(1.0, 4.0).mean
        tensor(2.)

    Reference: `torch.distributions.FisherSnedecor`.
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _parameters = ("df1", "df2", "_gamma1", "_gamma2")

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None):
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """df2 / (df2 - 2); NaN for df2 <= 2."""
        df2 = self.df2.masked_fill(self.df2 <= 2, math.nan)
        return df2 / (df2 - 2)

    @property
    def mode(self) -> Tensor:
        """(df1 - 2) / df1 df2 / (df2 + 2); NaN for df1 <= 2."""
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return mode.masked_fill(self.df1 <= 2, math.nan)

    @property
    def variance(self) -> Tensor:
        """2 df2^2 (df1 + df2 - 2) / (df1 (df2 - 2)^2 (df2 - 4)); NaN for df2 <= 4."""
        df2 = self.df2.masked_fill(self.df2 <= 4, math.nan)
        above = 2 * df2.pow(2) * (self.df1 + df2 - 2)
        return above / (self.df1 * (df2 - 2).pow(2) * (df2 - 4))

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values with gradients with respect to both parameters."""
        x1 = self._gamma1.rsample(sample_shape)
        x2 = self._gamma2.rsample(sample_shape)
        tiny = finfo(x2.dtype).tiny
        return (x1 / x2.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        half1, half2, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        log_beta = half1.lgamma() + half2.lgamma() - (half1 + half2).lgamma()
        near = half1 * ratio.log() + (half1 - 1) * value.log()
        return near - (half1 + half2) * (ratio * value).log1p() - log_beta
