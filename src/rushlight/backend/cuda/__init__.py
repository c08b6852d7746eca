"""The NVIDIA GPU, by way of CuPy, which is imported when a CUDA device is first asked for."""

from __future__ import annotations

from .runtime import (
    Properties,
    available,
    current_index,
    device_count,
    device_index,
    properties,
    require_cupy,
    runtime_version,
    started,
    unavailable_reason,
)

__all__ = [
    "Properties",
    "available",
    "current_index",
    "device_count",
    "device_index",
    "properties",
    "require_cupy",
    "runtime_version",
    "started",
    "unavailable_reason",
]
