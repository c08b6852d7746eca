"""`torch.cpu`: the processor under the names of `torch.cuda`, for programs that run on either."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """Tell whether there is a processor: yes."""
    return True


def is_initialized() -> bool:
    """Tell whether it has been started: yes."""
    return True


def device_count() -> int:
    """Return how many devices of this type there are: one."""
    return 1


def current_device() -> str:
    """Return the device that new tensors go to: 'cpu'."""
    return "cpu"


def set_device(device: Any) -> None:
    """Choose the device of this type, of which there is one."""


def synchronize(device: Any = None) -> None:
    """Wait for the processor, which has always finished when a call returns."""


def __getattr__(name: str) -> Any:
    if name == "amp":
        import importlib

        return importlib.import_module(f"{__name__}.amp")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
