"""Switches that programs set once: determinism, matmul precision, warnings."""

from __future__ import annotations

import warnings
from typing import Any

_PRECISIONS = ("highest", "high", "medium")
_state = {"deterministic": False, "warn_only": False, "precision": "highest", "warn_always": False}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for results that do not change from run to run.

    rushlight's operators always give the same bits for the same seed and thread count, so this
    only records the wish.
    """
    _state["deterministic"], _state["warn_only"] = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Tell whether deterministic algorithms were asked for."""
    return bool(_state["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Tell whether a lack of determinism was only to be warned of."""
    return bool(_state["warn_only"])


_DEBUG_MODES = ("default", "warn", "error")


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Ask for deterministic results by one word: "default" (0), "warn" (1) or "error" (2)."""
    if isinstance(debug_mode, str) and debug_mode not in _DEBUG_MODES:
        raise RuntimeError(
            "invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got "
            f"{debug_mode}"
        )
    mode = _DEBUG_MODES.index(debug_mode) if isinstance(debug_mode, str) else debug_mode
    if mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {mode}")
    use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


def get_deterministic_debug_mode() -> int:
    """Return 0, 1 or 2: nothing was asked for, warnings, errors."""
    if not _state["deterministic"]:
        return 0
    return 1 if _state["warn_only"] else 2


def set_float32_matmul_precision(precision: str) -> None:
    """Allow float32 products to be computed with fewer bits; the CPU always computes with all.

    Args:
        precision: "highest", "high" or "medium"; anything else is warned of and left out.
    """
    if precision not in _PRECISIONS:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current setting is "
            f"{_state['precision']}",
            stacklevel=2,
        )
        return
    _state["precision"] = precision


def get_float32_matmul_precision() -> str:
    """Return the precision that float32 products may be computed with."""
    return str(_state["precision"])


def set_flush_denormal(mode: bool, /) -> bool:
    """Return False: the processor's treatment of denormal numbers is left as it is."""
    return False


def set_warn_always(b: bool, /) -> None:
    """Choose whether a warning is shown every time or once."""
    _state["warn_always"] = b
    warnings.filterwarnings("always" if b else "default", module="rushlight")


def is_warn_always_enabled() -> bool:
    """Tell whether warnings are shown every time."""
    return bool(_state["warn_always"])


def typename(obj: Any, /) -> str:
    """Return the full name of an object's type; of a tensor torch's name: `torch.FloatTensor`."""
    from ._tensor import Tensor

    if isinstance(obj, Tensor):
        kind: str = obj.type()
        return kind
    cls = obj if isinstance(obj, type) else type(obj)
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )
