"""`torch._check` and its like: conditions that operators of users state about their arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._tensor import Tensor
from .backend.dtype import bool_

Message = Callable[[], object] | None

_STANDARD = (
    "Expected cond to be True, but got False. (Could this error message be improved? If so, please "
    "report an enhancement request to PyTorch.)"
)


def _check(cond: bool, message: Message = None) -> None:
    """Raise RuntimeError unless a condition holds.

    Args:
        cond: the condition.
        message: called for the error's text, only if it is needed.

    Raises:
        RuntimeError: the condition does not hold.
        TypeError: `cond` is no bool, or `message` cannot be called.

    Example:
        >>> rushlight._check(2 > 1, lambda: "two is more than one")
    """
    _check_with(RuntimeError, cond, message)


def _check_with(error: type[Exception], cond: Any, message: Message) -> None:
    """Raise an error of a type unless a condition holds."""
    if isinstance(cond, Tensor):
        raise TypeError("cond must be a bool, but got a Tensor: see torch._check_tensor_all()")
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is None:
        raise error(_STANDARD)
    if not callable(message):
        raise TypeError("message must be a callable")
    raise error(str(message()))


def _check_value(cond: bool, message: Message = None) -> None:
    """Raise ValueError unless a condition holds."""
    _check_with(ValueError, cond, message)


def _check_index(cond: bool, message: Message = None) -> None:
    """Raise IndexError unless a condition holds."""
    _check_with(IndexError, cond, message)


def _check_type(cond: bool, message: Message = None) -> None:
    """Raise TypeError unless a condition holds."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond: bool, message: Message = None) -> None:
    """Raise NotImplementedError unless a condition holds."""
    _check_with(NotImplementedError, cond, message)


def _check_is_size(i: int, message: Message = None) -> None:
    """Raise RuntimeError unless a number can be a size."""
    _check(bool(i >= 0), message)


def _check_tensor_all(cond: Tensor, message: Message = None) -> None:
    """Raise RuntimeError unless a condition holds of all elements.

    Raises:
        RuntimeError: it does not.
        TypeError: `cond` is no tensor of bool.
    """
    if not isinstance(cond, Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype is not bool_:
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check_with(RuntimeError, bool(cond.all().item()), message)
