"""Geometric distributions."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..autograd.mode import no_grad
from ..backend.dtype import finfo
from ..ops.creation import empty, zeros_like
from ..ops.loss import binary_cross_entropy_with_logits
from . import constraints
from ._elementwise import Binary, probs_or_logits
from .distribution import _NO_SHAPE, _kind_and_shape
from .parameters import broadcast_all

__all__ = ["Geometric"]


class Geometric(Binary):
    """The number of failures before the first success: (1 - p)^k p for k = 0, 1, ...

    `Tensor.geometric_` counts the success too.

    Args:
        probs: the probability of success, in (0, 1].
        logits: its log odds, instead.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or none of `probs` and `logits` are given.

    Example:
        >>> from rushlight.distributions import Geometric
        >>> Geometric(0.25).mean
        tensor(3.)

    Reference: `torch.distributions.Geometric`.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _parameters = Binary._parameters

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        name, given = probs_or_logits(probs, logits)
        self._set_parameter(name, *broadcast_all(given))
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args and name == "probs":
            self._check_positive()

    def _check_positive(self) -> None:
        probs = self.probs
        if not (probs > 0).all():
            raise ValueError(
                f"Expected parameter probs ({_kind_and_shape(probs)}) of distribution {self!r} "
                f"to be positive but found invalid values:\n{probs.detach()[~(probs > 0)]}"
            )

    @property
    def mean(self) -> Tensor:
        """1 / p - 1."""
        return self.probs.reciprocal() - 1.0

    @property
    def mode(self) -> Tensor:
        """0."""
        return zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        """(1 - p) / p^2."""
        return self.mean / self.probs

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values, without gradients."""
        probs = self.probs.detach()
        u = empty(self._extended_shape(sample_shape), dtype=probs.dtype, device=probs.device)
        with no_grad():
            u.uniform_(finfo(probs.dtype).tiny, 1)
            return (u.log() / (-probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        # No failure where failing is impossible: 0 log(0) is 0.
        certain = (probs == 1) & (value == 0)
        return value * (-probs.masked_fill(certain, 0)).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        """Return the entropy in nats: that of a trial times their mean number."""
        trial = binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
        return trial / self.probs
