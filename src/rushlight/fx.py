"""`torch.fx`, as far as libraries mark their functions for it: rushlight traces no programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["wrap"]


def wrap(fn_or_name: str | Callable[..., Any]) -> str | Callable[..., Any]:
    """Return a function, or a function's name, that a tracer would have to leave alone.

    Raises:
        RuntimeError: it is neither.

    Example:
        >>> rushlight.fx.wrap(len) is len
        True
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError(
            "Unsupported type for global function! Must be either a callable or string name"
        )
    return fn_or_name
