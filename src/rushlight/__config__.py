"""How rushlight was built (`torch.__config__`)."""

from __future__ import annotations

import numpy as np

from ._threads import get_num_interop_threads, get_num_threads
from .kernels import _native
from .version import __version__

__all__ = ["parallel_info", "show"]


def show() -> str:
    """Return what this installation is made of, a line each.

    Example:
        >>> print(rushlight.__config__.show().splitlines()[0])
        rushlight built with:
    """
    kernels = "compiled" if _native.core is not None else "NumPy"
    return (
        "rushlight built with:\n"
        f"  - rushlight {__version__}\n"
        f"  - NumPy {np.__version__}\n"
        f"  - CPU kernels: {kernels}\n"
        "  - Build settings: USE_CUDA=OFF, USE_MKL=OFF, USE_MKLDNN=OFF, USE_MPI=OFF, USE_NCCL=OFF"
    )


def parallel_info() -> str:
    """Return how many threads kernels use."""
    return (
        f"get_num_threads() : {get_num_threads()}\n"
        f"get_num_interop_threads() : {get_num_interop_threads()}\n"
    )
