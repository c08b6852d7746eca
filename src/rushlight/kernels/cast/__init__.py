"""Conversion between dtypes."""

from __future__ import annotations

from typing import Any

from ..._typing import Array
from .._kernel import add_native, kernel


@kernel
def copy_as(x: Array, dtype: Any, rows: bool = False) -> Array:
    """A copy of x in a NumPy dtype; `rows`: in C order, else in that of x."""
    return x.astype(dtype, "C" if rows else "K")


add_native(__name__)
