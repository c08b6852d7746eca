"""Kernels: arrays in, arrays out, never a Tensor.

Each family is a package with the reference functions in `__init__.py` and, where it pays, faster
ones beside it: `cpu.py` with `cpu.cpp` (native), `cuda.py` with `cuda.cu`. A family is loaded by
the first operator that needs it.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from . import _native
from ._kernel import (
    Kernel,
    all_kernels as _loaded_kernels,
    family_of,
    fast_paths_enabled,
    kernel,
    reference_only,
)

__all__ = ["Kernel", "all_kernels", "describe", "fast_paths_enabled", "kernel", "reference_only"]


def all_kernels(family: str = "") -> list[Kernel]:
    """Every kernel there is, or those of one family."""
    with os.scandir(os.path.dirname(__file__)) as entries:
        families = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("_"))
    for name in families:
        importlib.import_module(f"{__name__}.{name}")
    return _loaded_kernels(family)


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
