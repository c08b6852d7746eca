"""What the special functions share: registration and operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from ._export import _with_out, export
from ._operands import as_float, as_floats, not_implemented


def special(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a function that only `rushlight.special` has (decorator)."""
    name = function.__name__
    export(name=f"special.{name}", public=False, out=True)(function)
    return _with_out(function, f"special_{name}")


def real_float(x: Any, name: str) -> Tensor:
    """Return a real tensor, integers converted to the default dtype.

    Raises:
        TypeError: `x` is no Tensor.
        NotImplementedError: `x` is complex.
    """
    x = as_float(x, name)
    if x.array.dtype.kind == "c":
        raise not_implemented(name, x)
    return x


def real_floats(name: str, x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Promote two operands, one of which may be a number; integers become the default dtype.

    Raises:
        NotImplementedError: an operand is complex.
    """
    x, y = as_floats(x, y)
    tensor = x if isinstance(x, Tensor) else y
    dtype = tensor.array.dtype
    if dtype.kind == "c":
        raise not_implemented(name, tensor)
    x = x if isinstance(x, Tensor) else wrap(np.asarray(x, dtype))
    y = y if isinstance(y, Tensor) else wrap(np.asarray(y, dtype))
    return x, y
