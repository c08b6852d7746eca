"""Kernels: arrays in, arrays out, never a Tensor.

Each family is a package with the reference functions in `__init__.py` and, where it pays, faster
ones beside it: `cpu.py` with `cpu.cpp` (native), `cuda.py` with `cuda.cu`.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np

from . import _native
from ._kernel import (
    Kernel,
    all_kernels,
    family_of,
    fast_paths_enabled,
    kernel,
    reference_only,
)

__all__ = ["Kernel", "all_kernels", "describe", "fast_paths_enabled", "kernel", "reference_only"]

_FOLDER = os.path.dirname(__file__)


def _families() -> list[str]:
    return sorted(e.name for e in os.scandir(_FOLDER) if e.is_dir() and not e.name.startswith("_"))


def _load() -> None:
    for name in _families():
        importlib.import_module(f"{__name__}.{name}")
        if not os.path.exists(os.path.join(_FOLDER, name, "cpu.py")):
            continue
        if _native.core is not None:
            importlib.import_module(f"{__name__}.{name}.cpu")
        elif fast_paths_enabled():
            for k in all_kernels(name):
                k.active[np.ndarray] = _native.note_missing


_load()


def describe() -> dict[str, Any]:
    """What runs here, for `rushlight info`.

    Returns:
        `extension` (bool), `reason` (why there is none), `level`, `threads`, `pool` (its
        statistics) and `kernels`: the name of each kernel and the paths in use for it.
    """
    in_use = fast_paths_enabled()
    kernels = {
        f"{family_of(k)}.{k.__name__}": [
            *(t.__module__.partition(".")[0] for t in k.paths if in_use),
            "reference",
        ]
        for k in all_kernels()
    }
    return {
        "extension": _native.core is not None,
        "reason": _native.missing_reason,
        "level": _native.level(),
        "threads": _native.get_num_threads(),
        "pool": _native.memory_stats(),
        "kernels": kernels,
    }
