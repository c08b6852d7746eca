"""Data loading, summaries, TensorBoard and other helpers around training."""

from __future__ import annotations

import importlib
from typing import Any

# As in torch, these are there without an import of their own.
_LAZY_MODULES = frozenset({"benchmark", "checkpoint", "cpp_extension", "data", "flop_counter"})


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
