"""`DataParallel`, as programs for one machine with several GPUs use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..modules.module import Module

__all__ = ["DataParallel", "data_parallel"]


class DataParallel(Module):
    """Calls `module`; the keys of its state begin with `module.`, as they do in torch.

    Args:
        module: what to call.
        device_ids: accepted; the batch is not split.
        output_device: accepted.
        dim: accepted.

    Example:
        >>> model = rushlight.nn.DataParallel(rushlight.nn.Linear(3, 2))
        >>> list(model.state_dict())
        ['module.weight', 'module.bias']

    Note:
        The whole batch runs on one device.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ):
        super().__init__()
        self.module = module
        self.device_ids = list(device_ids) if device_ids is not None else []
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module."""
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Sequence[Any] | None = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call a module with one input, or with a tuple of them, on the device it is on."""
    if not isinstance(inputs, tuple):
        inputs = (inputs,)
    return module(*inputs, **(module_kwargs or {}))
