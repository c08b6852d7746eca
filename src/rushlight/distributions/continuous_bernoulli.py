"""Continuous Bernoulli distributions."""

from __future__ import annotations

import math
from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..ops.loss import binary_cross_entropy_with_logits
from ..ops.masking import where
from ..ops.sampling import rand
from . import constraints
from ._elementwise import Binary, probs_or_logits
from .distribution import _NO_SHAPE
from .exp_family import ExponentialFamily
from .parameters import broadcast_all, clamp_probs, lazy_property, logits_to_probs

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(Binary, ExponentialFamily):
    """The density proportional to p^x (1 - p)^(1 - x) on [0, 1].

    It serves where images with grey levels are modelled as if they were of black and white.

    Args:
        probs: p, in (0, 1); no probability.
        logits: log(p / (1 - p)), instead.
        lims: between these p, where the formulas divide by 1 - 2p, Taylor series take their place.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or none of `probs` and `logits` are given.

    Example:
        >>> from rushlight.distributions import ContinuousBernoulli
        >>> ContinuousBernoulli(0.5).log_prob(rushlight.tensor(0.3)).exp()
        tensor(1.)

    Reference: `torch.distributions.ContinuousBernoulli`; G. Loaiza-Ganem and J. P. Cunningham, The
        continuous Bernoulli: fixing a pervasive error in variational autoencoders, NeurIPS 2019.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _parameters = Binary._parameters

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ):
        name, given = probs_or_logits(probs, logits)
        (value,) = broadcast_all(given)
        if name == "probs":
            # Checked before they are clamped into the region.
            if validate_args is not None and not constraints.unit_interval.check(value).all():
                raise ValueError("The parameter probs has invalid values")
            value = clamp_probs(value)
        self._set_parameter(name, value)
        self._lims = lims
        super().__init__(value.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        new = super().expand(batch_shape, _instance)
        new._lims = self._lims
        return new

    @lazy_property
    def probs(self) -> Tensor:
        """p."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    # --- away from p = 1/2, and near it ---

    def _outside_unstable_region(self) -> Tensor:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self) -> Tensor:
        """Return p, but a number outside the region where the formulas lose their digits."""
        return self.probs.where(self._outside_unstable_region(), self._lims[0])

    def _cont_bern_log_norm(self) -> Tensor:
        """Return the logarithm of the factor that makes the density integrate to 1."""
        cut = self._cut_probs()
        log_odds = cut.log() - (-cut).log1p()
        # 2 artanh(1 - 2p) / (1 - 2p), whose parts change their signs together at 1/2.
        stable = log_odds.abs().log() - (1 - 2 * cut).abs().log()
        x = (self.probs - 0.5).pow(2)
        near = math.log(2.0) + (4 / 3 + 104 / 45 * x) * x
        return where(self._outside_unstable_region(), stable, near)

    @property
    def mean(self) -> Tensor:
        """p / (2p - 1) + 1 / log((1 - p) / p)."""
        cut = self._cut_probs()
        stable = cut / (2.0 * cut - 1.0) + 1.0 / ((-cut).log1p() - cut.log())
        x = self.probs - 0.5
        near = 0.5 + (1 / 3 + 16 / 45 * x.pow(2)) * x
        return where(self._outside_unstable_region(), stable, near)

    @property
    def variance(self) -> Tensor:
        """p (p - 1) / (1 - 2p)^2 + 1 / log((1 - p) / p)^2."""
        cut = self._cut_probs()
        spread = ((-cut).log1p() - cut.log()).pow(-2)
        stable = cut * (cut - 1.0) / (1.0 - 2.0 * cut).pow(2) + spread
        x = (self.probs - 0.5).pow(2)
        near = 1 / 12 - (1 / 15 - 128 / 945 * x) * x
        return where(self._outside_unstable_region(), stable, near)

    # --- drawing and densities ---

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values, without gradients."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw the quantiles of uniform numbers."""
        shape = self._extended_shape(sample_shape)
        return self.icdf(rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        cross_entropy = binary_cross_entropy_with_logits(logits, value, reduction="none")
        return self._cont_bern_log_norm() - cross_entropy

    def cdf(self, value: Tensor) -> Tensor:
        """Return (p^x (1 - p)^(1 - x) + p - 1) / (2p - 1)."""
        if self._validate_args:
            self._validate_sample(value)
        cut = self._cut_probs()
        weight = cut.pow(value) * (1.0 - cut).pow(1.0 - value)
        stable = (weight + cut - 1.0) / (2.0 * cut - 1.0)
        inside = where(self._outside_unstable_region(), stable, value)
        return inside.masked_fill(value <= 0, 0).masked_fill(value >= 1, 1)

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value at which `cdf` has a value."""
        cut = self._cut_probs()
        log_miss = (-cut).log1p()
        away = (-cut + value * (2.0 * cut - 1.0)).log1p() - log_miss
        return where(self._outside_unstable_region(), away / (cut.log() - log_miss), value)

    def entropy(self) -> Tensor:
        """Return the entropy in nats."""
        log_miss = (-self.probs).log1p()
        log_odds = self.probs.log() - log_miss
        return -self.mean * log_odds - self._cont_bern_log_norm() - log_miss

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        """Return log((exp(x) - 1) / x)."""
        low, high = (limit - 0.5 for limit in self._lims)
        outside = (x <= low) | (x > high)
        cut = x.where(outside, low)
        near = 0.5 * x + x.pow(2) / 24.0 - x.pow(4) / 2880.0
        return where(outside, cut.expm1().abs().log() - cut.abs().log(), near)
