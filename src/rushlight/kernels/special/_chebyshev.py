"""How the special functions are computed: in float64, from Chebyshev series."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..._typing import Array
from .._float_errors import quiet

F = TypeVar("F", bound=Callable[..., Any])


def in_float64(function: F) -> F:
    """Let a function see float64 arrays and return its result in the first one's dtype (decorator).

    NumPy's warnings are off: the formula for one range runs over the elements of all.
    """

    @functools.wraps(function)
    @quiet
    def converted(*arrays: Array) -> Array:
        y = function(*[a.astype(np.float64) for a in arrays])
        return y.astype(arrays[0].dtype, copy=False)

    return converted  # type: ignore[return-value]


def chebyshev(x: Array, low: float, high: float, terms: tuple[float, ...]) -> Array:
    """Sum a Chebyshev series on [low, high], where x is clipped to, by Clenshaw's recurrence."""
    u = (2 * np.clip(x, low, high) - (low + high)) / (high - low)
    older = newer = np.zeros_like(u)
    for c in terms[:0:-1]:
        older, newer = newer, 2 * u * newer - older + c
    return u * newer - older + terms[0]


def polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Evaluate a polynomial, constant term first, by Horner's scheme."""
    y = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        y = y * x + c
    return y
