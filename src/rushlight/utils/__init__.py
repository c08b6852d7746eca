"""Data loading, summaries, TensorBoard and other helpers around training."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    # As in torch, `utils.data` is there without an import of its own.
    if name == "data":
        return importlib.import_module(f"{__name__}.data")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
