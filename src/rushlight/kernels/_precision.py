"""The type a kernel computes in."""

from __future__ import annotations

import numpy as np

from rushlight._typing import Array


def is_half(x: Array) -> bool:
    """Whether x is float16 or bfloat16, which kernels compute in float32."""
    return x.dtype.itemsize == 2 and x.dtype.kind not in "iu"


def compute_dtype(dtype: np.dtype) -> np.dtype:
    """float32 for float16 and bfloat16, the type itself for every other."""
    half = dtype.itemsize == 2 and dtype.kind not in "iu"
    return np.dtype(np.float32) if half else dtype


def widen(x: Array) -> Array:
    """x in the type it is computed in; x itself when that is its own type."""
    return x.astype(compute_dtype(x.dtype), copy=False)
