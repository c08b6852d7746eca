"""Modules without initial values."""

from __future__ import annotations

import inspect
from typing import Any

from ...random import get_rng_state, set_rng_state
from ..modules.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Any:
    """Make a module whose parameters are about to be overwritten.

    The generator of random numbers is left where it was; the values are not defined.

    Args:
        module_cls: the class; its constructor takes `device`.
        *args: arguments of the constructor.
        **kwargs: its keyword arguments.

    Raises:
        RuntimeError: not a Module, or its constructor takes no `device`.

    Example:
        >>> rushlight.nn.utils.skip_init(rushlight.nn.Linear, 3, 2).weight.shape
        torch.Size([2, 3])
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    state = get_rng_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        set_rng_state(state)
