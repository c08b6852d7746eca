"""What distributions of single numbers share: expanding, and probabilities or logits."""

from __future__ import annotations

from typing import Any, TypeVar

from .._tensor import Size, Tensor
from .distribution import Distribution
from .parameters import lazy_property, logits_to_probs, probs_to_logits

T = TypeVar("T")


def probs_or_logits(probs: T | None, logits: T | None) -> tuple[str, T]:
    """Return the name and the value of the one that is given.

    Raises:
        ValueError: both or none are given.
    """
    if probs is not None and logits is None:
        return "probs", probs
    if logits is not None and probs is None:
        return "logits", logits
    raise ValueError("Either `probs` or `logits` must be specified, but not both.")


def listed(values: Tensor, batch_shape: Size, expand: bool) -> Tensor:
    """Return values (K, *event) as (K, *batch, *event): the same ones for the whole batch.

    If not `expand`, the batch dimensions have the size 1.
    """
    count, event = values.shape[:1], values.shape[1:]
    values = values.view(count + (1,) * len(batch_shape) + event)
    return values.expand(count + batch_shape + event) if expand else values


class Elementwise(Distribution):
    """Distributions of single numbers whose parameters all have the shape of the batch.

    `_parameters` names the attributes that `expand` expands, where they are set: tensors and
    distributions.
    """

    _parameters: tuple[str, ...] = ()

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded."""
        home = next(c for c in type(self).__mro__ if "_parameters" in vars(c))
        new = self._get_checked_instance(home, _instance)
        batch_shape = Size(batch_shape)
        for name in self._parameters:
            if name in self.__dict__:
                setattr(new, name, self.__dict__[name].expand(batch_shape))
        Distribution.__init__(new, batch_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new


class Binary(Elementwise):
    """Distributions of numbers that come from trials with two outcomes.

    Either `probs` or `logits` is given; the other one is computed when first asked for.
    """

    _parameters: tuple[str, ...] = ("probs", "logits", "_param")
    _param: Tensor

    def _set_parameter(self, name: str, value: Tensor) -> None:
        setattr(self, name, value)
        self._param = value

    @lazy_property
    def logits(self) -> Tensor:
        """Log odds."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        """The shape of `probs` and `logits`."""
        return self._param.shape
