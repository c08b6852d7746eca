"""The four operations on two arrays, or an array and a number, with NumPy's values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._typing import Array
from .._kernel import add_native, kernel


@kernel
def add(x: Any, y: Any) -> Array:
    """Return x + y."""
    return np.add(x, y)


@kernel
def subtract(x: Any, y: Any) -> Array:
    """Return x - y."""
    return np.subtract(x, y)


@kernel
def multiply(x: Any, y: Any) -> Array:
    """Return x y."""
    return np.multiply(x, y)


@kernel
def divide(x: Any, y: Any) -> Array:
    """Return x / y."""
    return np.true_divide(x, y)


add_native(__name__)
