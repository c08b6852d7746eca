"""How many threads the kernels use."""

from __future__ import annotations

from .kernels import _native


def get_num_threads() -> int:
    """Return how many threads a kernel may use."""
    return _native.get_num_threads()


def set_num_threads(count: int, /) -> None:
    """Set how many threads a kernel may use.

    Raises:
        RuntimeError: `count` is not positive.
    """
    if not isinstance(count, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(count).__name__}")
    if count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {count}")
    _native.set_num_threads(count)


def get_num_interop_threads() -> int:
    """Return how many operators run at once: one."""
    return 1


def set_num_interop_threads(count: int, /) -> None:
    """Accepted for compatibility: operators run one after the other."""
    if count < 1:
        raise RuntimeError(f"set_num_interop_threads expects a positive integer, got {count}")
