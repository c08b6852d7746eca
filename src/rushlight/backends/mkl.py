"""`torch.backends.mkl`: Intel's math library, whose place NumPy's BLAS and our kernels take."""

from __future__ import annotations


def is_available() -> bool:
    """Tell whether MKL is used: no."""
    return False
