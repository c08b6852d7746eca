"""Modules on several devices: here always on the one they are on."""

from __future__ import annotations

import importlib
from typing import Any

from .data_parallel import DataParallel, data_parallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]


def __getattr__(name: str) -> Any:
    # Groups of processes stand above the layers.
    if name == "DistributedDataParallel":
        return importlib.import_module("rushlight.distributed.data_parallel").__dict__[name]
    raise AttributeError(f"module 'torch.nn.parallel' has no attribute {name!r}", name=name)
