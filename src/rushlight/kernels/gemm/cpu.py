"""Native products of float32 and the half types; NumPy's BLAS for the other types."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._typing import Array
from .. import _native
from .._native import core
from .._precision import is_half
from . import linear, matmul

_ACTIVATIONS = {"none": 0, "relu": 1, "gelu": 2, "gelu_tanh": 3}
# Below this many multiplications a product is not worth a second thread.
_LARGE = 1 << 20


class _BlasThreads:
    """NumPy's BLAS and our pool must not both keep threads waiting: they slow each other sevenfold.

    So BLAS gets one thread from the first native product on, and more only during a large product
    of a type that the native code leaves to it.
    """

    limited = False

    def limit(self) -> None:
        if not self.limited:
            self.limited = True
            _native.limit_blas_threads(1)

    def matmul(self, a: Array, b: Array) -> Array:
        threads = _native.get_num_threads()
        if not self.limited or threads == 1 or a.size * b.shape[-1] < _LARGE:
            return np.matmul(a, b)
        _native.limit_blas_threads(threads)
        try:
            return np.matmul(a, b)
        finally:
            _native.limit_blas_threads(1)


_blas = _BlasThreads()


@matmul.fast(np.ndarray)
def _matmul(a: Array, b: Array) -> Any:
    if not _blas.limited:
        _blas.limit()
    y = core.matmul(a, b)  # float32 or half, b a matrix
    if y is not NotImplemented:
        return y
    if a.dtype != b.dtype or not (a.dtype.char == "f" or is_half(a)):
        return _blas.matmul(a, b) if a.dtype.char in "dFD" and b.ndim else NotImplemented
    if a.ndim < 2 or b.ndim < 2:
        return _matmul_vectors(a, b)
    if a.shape[-1] != b.shape[-2]:
        return NotImplemented
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return NotImplemented
    y = np.empty((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    if core.gemm(a, b, y, None, None, 0, False) is NotImplemented:
        return NotImplemented
    return y


def _matmul_vectors(a: Array, b: Array) -> Any:
    """Products with a 1-D operand: it becomes a matrix and its axis is dropped from the result."""
    if a.ndim == 0 or b.ndim == 0 or not isinstance(b, np.ndarray):
        return NotImplemented
    left = a if a.ndim > 1 else a[np.newaxis, :]
    right = b if b.ndim > 1 else b[:, np.newaxis]
    y = _matmul(left, right)
    if y is NotImplemented:
        return y
    if b.ndim == 1:
        y = y[..., 0]
    return y if a.ndim > 1 else y[..., 0, :] if b.ndim > 1 else y[..., 0]


@linear.fast(np.ndarray)
def _linear(
    x: Array,
    w: Array,
    b: Array | None = None,
    activation: str = "none",
    residual: Array | None = None,
) -> Any:
    if not _blas.limited:
        _blas.limit()
    code = _ACTIVATIONS[activation]
    if x.ndim != 1:
        return core.linear(x, w, b, code, residual)
    y = core.linear(x[np.newaxis], w, b, code, None if residual is None else residual[np.newaxis])
    return y if y is NotImplemented else y[0]
