"""Native arithmetic: float32 arrays of one layout, or one such array and a number of Python's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._typing import Array
from .._native import core
from . import add, divide, multiply, subtract

_WHOLE = 1 << 24  # float32 holds the integers up to here


def _native(of_arrays: Callable[..., Any], with_number: Callable[..., Any]) -> Callable[..., Any]:
    def path(x: Array, y: Any) -> Any:
        kind = type(y)
        if kind is float or (kind is int and -_WHOLE <= y <= _WHOLE):
            return with_number(x, y)
        return of_arrays(x, y)

    return path


add.fast(np.ndarray)(_native(core.add_arrays, core.add_number))
subtract.fast(np.ndarray)(_native(core.subtract_arrays, core.subtract_number))
multiply.fast(np.ndarray)(_native(core.multiply_arrays, core.multiply_number))
divide.fast(np.ndarray)(_native(core.divide_arrays, core.divide_number))
