"""The base of all distributions."""

from __future__ import annotations

import warnings
from typing import Any

from .._tensor import Size, Tensor
from ..autograd.mode import no_grad
from . import constraints
from .constraints import Constraint
from .parameters import lazy_property

__all__ = ["Distribution"]

_NO_SHAPE = Size()


class Distribution:
    """A batch of probability distributions.

    Samples have the shape `sample_shape + batch_shape + event_shape`: `batch_shape` counts
    distributions with parameters of their own, `event_shape` is that of a single value.

    Args:
        batch_shape: the shape of the batch.
        event_shape: the shape of one value.
        validate_args: whether to check parameters, and the values given to `log_prob` and its
            like. The class's default unless given: on, except under `python -O`.

    Raises:
        ValueError: a parameter is not in its region `arg_constraints`.

    Example:
        >>> from rushlight.distributions import Normal
        >>> normal = Normal(rushlight.zeros(3), 1.0)
        >>> normal.batch_shape, normal.sample((2,)).shape
        (torch.Size([3]), torch.Size([2, 3]))
        >>> normal.log_prob(rushlight.zeros(3))
        tensor([-0.9189, -0.9189, -0.9189])

    Reference: `torch.distributions.Distribution`.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Set whether distributions made from now on check their arguments by default.

        Raises:
            ValueError: `value` is no truth value.
        """
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Size = _NO_SHAPE,
        event_shape: Size = _NO_SHAPE,
        validate_args: bool | None = None,
    ):
        self._batch_shape = batch_shape
        self._event_shape = event_shape
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self) -> None:
        for name, constraint in self._constraints_to_check().items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # would be computed from a parameter that is checked by itself
            value = getattr(self, name)
            if not constraint.check(value)._is_all_true():
                raise ValueError(
                    f"Expected parameter {name} ({_kind_and_shape(value)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid "
                    f"values:\n{value}"
                )

    def _constraints_to_check(self) -> dict[str, Constraint]:
        try:
            return self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set "
                "`arg_constraints = {}` or initialize the distribution with "
                "`validate_args=False` to turn off validation.",
                stacklevel=4,
            )
            return {}

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """Return the distribution with its batch expanded, its parameters views of these.

        Args:
            batch_shape: the new shape of the batch.
            _instance: a new object to fill in, from a subclass that overrides this.
        """
        raise NotImplementedError

    # --- what there is to know ---

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of a single value."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """The region of each parameter, by its name."""
        raise NotImplementedError

    @property
    def support(self) -> Constraint | None:
        """The region of the values."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    # --- drawing ---

    def sample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values, without gradients.

        Args:
            sample_shape: how many of each distribution of the batch.

        Returns:
            Shape `sample_shape + batch_shape + event_shape`.
        """
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = _NO_SHAPE) -> Tensor:
        """Draw values with gradients with respect to the parameters, where `has_rsample`.

        Args:
            sample_shape: how many of each distribution of the batch.

        Returns:
            Shape `sample_shape + batch_shape + event_shape`.
        """
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """Draw n values of each distribution (deprecated: `sample((n,))`)."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.",
            FutureWarning,
            stacklevel=2,
        )
        return self.sample((n,))

    # --- probabilities ---

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density, or of the probability of a discrete value.

        Args:
            value: values, broadcast against `batch_shape + event_shape`.

        Raises:
            ValueError: a value is outside the support, or its shape does not fit.
        """
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a value at most as large.

        Args:
            value: values, broadcast against the batch.
        """
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value at which `cdf` has a value: the quantile.

        Args:
            value: probabilities, broadcast against the batch.
        """
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all values of a discrete distribution along a new first dimension.

        Args:
            expand: whether to repeat them for each distribution of the batch; if not, the batch
                dimensions have the size 1.
        """
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """Return the entropy in nats, of shape `batch_shape`."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """Return exp(entropy), of shape `batch_shape`."""
        return self.entropy().exp()

    # --- for subclasses ---

    def _extended_shape(self, sample_shape: Any = _NO_SHAPE) -> Size:
        """Return the shape of a sample."""
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _validate_sample(self, value: Tensor) -> None:
        """Check the shape of values and that they are in the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        self._check_shape(value)
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if support is None:
            raise AssertionError("support is unexpectedly None")
        if not support.check(value)._is_all_true():
            raise ValueError(
                f"Expected value argument ({_kind_and_shape(value)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _check_shape(self, value: Tensor) -> None:
        shape, event = value.shape, self._event_shape
        if shape[len(shape) - len(event) :] != event:
            raise ValueError(
                f"The right-most size of value must match event_shape: {shape} vs {event}."
            )
        expected = self._batch_shape + event
        for have, want in zip(reversed(shape), reversed(expected), strict=False):
            if have != want and 1 not in (have, want):
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{shape} vs {expected}."
                )

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """Return the object that `expand` fills in.

        A subclass of `cls` with an `__init__` of its own has attributes that `cls.expand` does
        not know.
        """
        if _instance is None and type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom "
                "__init__ method must also define a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        found = {k: self.__dict__[k] for k in self.arg_constraints if k in self.__dict__}
        shown = (f"{k}: {v if v.numel() == 1 else v.shape}" for k, v in found.items())
        return f"{type(self).__name__}({', '.join(shown)})"


def _kind_and_shape(value: Tensor) -> str:
    return f"{type(value).__name__} of shape {tuple(value.shape)}"
