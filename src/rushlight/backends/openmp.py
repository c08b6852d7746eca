"""`torch.backends.openmp`: rushlight has a thread pool of its own instead."""

from __future__ import annotations


def is_available() -> bool:
    """Tell whether OpenMP is used: no."""
    return False
