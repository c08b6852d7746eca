"""What the elementwise families share: operands, their dtypes, operators written with signs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor
from ..autograd.node import Op
from ..backend import dtype as dtypes
from ._promote import promote
from .casts import cast

_KNOWN = (Tensor, int, float, complex, np.ndarray, np.generic)


def is_integral(x: Tensor) -> bool:
    """Tell whether a tensor holds integers or booleans."""
    return x.array.dtype.kind in "iub"


def as_float(x: Any, name: str) -> Tensor:
    """Return `x`, integers converted to the default dtype, for functions with fractional results.

    Raises:
        TypeError: `x` is no Tensor.
    """
    if not isinstance(x, Tensor):
        raise not_a_tensor(name, x)
    if x.array.dtype.kind in "iub":
        return cast(x, dtypes.get_default_dtype())
    return x


def as_floats(x: Any, y: Any) -> tuple[Any, Any]:
    """Promote two operands; integers become the default dtype."""
    default = dtypes.get_default_dtype()
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        x, y = promote(x, y)
        return (cast(x, default), cast(y, default)) if is_integral(x) else (x, y)
    # Integers are converted before a number beside them is squeezed into their dtype.
    if isinstance(x, Tensor) and is_integral(x):
        x = cast(x, default)
    elif isinstance(y, Tensor) and is_integral(y):
        y = cast(y, default)
    return promote(x, y)


def not_a_tensor(name: str, value: Any, argument: str = "input", position: int = 1) -> TypeError:
    """Build the error for an argument that should have been a Tensor."""
    kind = type(value).__name__
    return TypeError(
        f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {kind}"
    )


def both_tensors(name: str, x: Any, y: Any) -> None:
    """Raise TypeError unless both operands of a function are Tensors."""
    if not isinstance(x, Tensor):
        raise not_a_tensor(name, x)
    if not isinstance(y, Tensor):
        raise not_a_tensor(name, y, "other", 2)


def not_implemented(name: str, x: Tensor) -> NotImplementedError:
    """Build the error for a dtype that a function does not take, in torch's words."""
    return NotImplementedError(f"\"{name}_cpu\" not implemented for '{x.dtype.type_name}'")


def infix(op: type[Op]) -> Callable[[Tensor, Any], Any]:
    """Return the method behind a sign, such as `__mul__`, of an operator on promoted operands."""
    apply = op.apply

    def method(self: Tensor, other: Any) -> Any:
        if not isinstance(other, _KNOWN):
            return NotImplemented
        x, y = promote(self, other)
        return apply(x, y)

    return method


def infix_by(
    function: Callable[[Any, Any], Any], *, swapped: bool = False
) -> Callable[[Tensor, Any], Any]:
    """Return the method behind a sign from a public function; `swapped` for `__rsub__` and such."""
    if swapped:

        def method(self: Tensor, other: Any) -> Any:
            return function(other, self) if isinstance(other, _KNOWN) else NotImplemented
    else:

        def method(self: Tensor, other: Any) -> Any:
            return function(self, other) if isinstance(other, _KNOWN) else NotImplemented

    return method
