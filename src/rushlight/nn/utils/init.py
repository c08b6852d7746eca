"""Modules without initial values."""

from __future__ import annotations

import inspect
from typing import Any

from ...backend.device import as_device
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
    device = kwargs.pop("device", None)
    return module_cls(*args, **kwargs, device="meta").to_empty(device=as_device(device))
