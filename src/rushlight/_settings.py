"""Settings of a whole program: determinism, the precision of float32 products, denormals."""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any

from .backend.device import device as _device
from .backends import cuda as _cuda

__all__ = [
    "are_deterministic_algorithms_enabled",
    "get_deterministic_debug_mode",
    "get_device_module",
    "get_float32_matmul_precision",
    "is_deterministic_algorithms_warn_only_enabled",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "use_deterministic_algorithms",
]

_DEBUG_MODES = ("default", "warn", "error")
_PRECISIONS = ("highest", "high", "medium")

# An index into _DEBUG_MODES.
_debug_mode = 0


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for operators that give the same bits on every run.

    Args:
        mode: whether to ask.
        warn_only: warn, rather than raise, where there is no such operator.

    Note:
        It is only remembered: no operator is refused or replaced.
    """
    global _debug_mode
    if not isinstance(mode, bool):
        raise TypeError(
            f"use_deterministic_algorithms: mode must be bool, not {type(mode).__name__}"
        )
    _debug_mode = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """Tell whether `use_deterministic_algorithms` was asked for."""
    return _debug_mode > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Tell whether it was asked for with `warn_only`."""
    return _debug_mode == 1


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Ask for determinism by a level: 'default' (0), 'warn' (1) or 'error' (2)."""
    global _debug_mode
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str):
        if debug_mode not in _DEBUG_MODES:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, `warn`, `error`, "
                f"but got {debug_mode}"
            )
        debug_mode = _DEBUG_MODES.index(debug_mode)
    if debug_mode not in range(3):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    _debug_mode = debug_mode


def get_deterministic_debug_mode() -> int:
    """Return the level that `set_deterministic_debug_mode` takes."""
    return _debug_mode


def set_float32_matmul_precision(precision: str) -> None:
    """Choose how exact float32 matrix products on a GPU have to be.

    Args:
        precision: 'highest' (float32), or 'high' or 'medium' (TF32 where the GPU has it).
    """
    if precision not in _PRECISIONS:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; "
            "set_float32_matmul_precision has no effect",
            stacklevel=2,
        )
        return
    _cuda.matmul.precision = precision


def get_float32_matmul_precision() -> str:
    """Return 'highest', 'high' or 'medium'."""
    return _cuda.matmul.precision


def set_flush_denormal(mode: bool) -> bool:
    """Ask for tiny numbers to be taken as zero; return whether that can be done: no."""
    return False


def get_device_module(device: Any = None) -> ModuleType:
    """Return `torch.cpu` or `torch.cuda`, whichever a device belongs to.

    Args:
        device: a device or a string; None for the accelerator, the CPU if there is none.

    Raises:
        RuntimeError: it is neither, or the device type has no module here.
    """
    from . import cpu, cuda

    if device is None:
        return cuda if cuda.is_available() else cpu
    if not isinstance(device, (str, _device)):
        raise RuntimeError(f"Invalid value of device '{device}', expect torch.device, str, or None")
    kind = _device(device).type
    if kind not in ("cpu", "cuda"):
        raise RuntimeError(f"Device '{kind}' does not have a corresponding module in rushlight")
    return cuda if kind == "cuda" else cpu
