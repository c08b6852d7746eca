"""Operators on the bits of integers; on booleans they are the logical ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._tensor import Tensor, install
from .._typing import Array
from ..autograd.node import Op
from ._export import export
from ._operands import infix_by, not_a_tensor, not_implemented
from ._promote import promote


class Bits(Op):
    """z = a bitwise function of x (and y).  No gradient."""

    differentiable = False

    def forward(ctx, *operands: Array, ufunc: Any) -> Array:
        return ufunc(*operands)


def _bitwise(name: str, ufunc: Any, input: Any, other: Any, refused: str = "fcV") -> Tensor:
    x, y = promote(input, other)
    tensor = x if isinstance(x, Tensor) else y
    if tensor.array.dtype.kind in refused:
        raise not_implemented(name, tensor)
    return Bits.apply(x, y, ufunc=ufunc)


@export(method=True, out=True, inplace=True, saves_input=False)
def bitwise_and(input: Any, other: Any) -> Tensor:
    """Return the bits set in both operands; for booleans, the conjunction.

    Example:
        >>> rushlight.bitwise_and(rushlight.tensor([6, 5]), 3)
        tensor([2, 1])
    """
    return _bitwise("bitwise_and", np.bitwise_and, input, other)


@export(method=True, out=True, inplace=True, saves_input=False)
def bitwise_or(input: Any, other: Any) -> Tensor:
    """Return the bits set in at least one operand; for booleans, the disjunction."""
    return _bitwise("bitwise_or", np.bitwise_or, input, other)


@export(method=True, out=True, inplace=True, saves_input=False)
def bitwise_xor(input: Any, other: Any) -> Tensor:
    """Return the bits set in exactly one operand; for booleans, the exclusive disjunction."""
    return _bitwise("bitwise_xor", np.bitwise_xor, input, other)


@export(method=True, out=True, inplace=True, saves_input=False)
def bitwise_not(input: Tensor) -> Tensor:
    """Return the complement of each element's bits; for booleans, the negation.

    Example:
        >>> rushlight.bitwise_not(rushlight.tensor([True, False]))
        tensor([False,  True])
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor("bitwise_not", input)
    if input.array.dtype.kind in "fcV":
        raise not_implemented("bitwise_not", input)
    return Bits.apply(input, ufunc=np.invert)


@export(method=True, out=True, inplace=True, saves_input=False)
def bitwise_left_shift(input: Any, other: Any) -> Tensor:
    """Shift the bits of `input` left by `other` places; 0 if all are shifted out.

    Example:
        >>> rushlight.bitwise_left_shift(rushlight.tensor([1, 3]), 2)
        tensor([ 4, 12])
    """
    return _bitwise("lshift", np.left_shift, input, other, refused="bfcV")


@export(method=True, out=True, inplace=True, saves_input=False)
def bitwise_right_shift(input: Any, other: Any) -> Tensor:
    """Shift the bits of `input` right by `other` places, keeping the sign."""
    return _bitwise("rshift", np.right_shift, input, other, refused="bfcV")


install(__invert__=bitwise_not)
install(__and__=infix_by(bitwise_and), __rand__=infix_by(bitwise_and))
install(__or__=infix_by(bitwise_or), __ror__=infix_by(bitwise_or))
install(__xor__=infix_by(bitwise_xor), __rxor__=infix_by(bitwise_xor))
install(__lshift__=infix_by(bitwise_left_shift), __rshift__=infix_by(bitwise_right_shift))
install(
    __rlshift__=infix_by(bitwise_left_shift, swapped=True),
    __rrshift__=infix_by(bitwise_right_shift, swapped=True),
)
install(
    __iand__=infix_by(Tensor.bitwise_and_),
    __ior__=infix_by(Tensor.bitwise_or_),
    __ixor__=infix_by(Tensor.bitwise_xor_),
    __ilshift__=infix_by(Tensor.bitwise_left_shift_),
    __irshift__=infix_by(Tensor.bitwise_right_shift_),
)
