"""`Variable`: what tensors with gradients were called before PyTorch 0.4."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor

__all__ = ["Variable"]


class _AnyTensor(type):
    """Makes every Tensor a Variable, and a call return a Tensor."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor)

    def __call__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        found = data.detach()
        return found.requires_grad_() if requires_grad else found


class Variable(metaclass=_AnyTensor):
    """Return a tensor with the same memory and no history; kept for older programs.

    Args:
        data: a tensor.
        requires_grad: whether gradients are wanted.
        volatile: accepted; `no_grad` took its place.

    Example:
        >>> x = rushlight.autograd.Variable(rushlight.ones(2), requires_grad=True)
        >>> x, isinstance(x, rushlight.autograd.Variable)
        (tensor([1., 1.], requires_grad=True), True)
    """
