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
