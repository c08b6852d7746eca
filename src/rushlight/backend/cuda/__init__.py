"""The NVIDIA GPU, by way of CuPy, which is imported when a CUDA device is first asked for."""

from __future__ import annotations

from .runtime import (
    Properties,
    array_over,
    available,
    current_index,
    device_count,
    device_index,
    properties,
    require_cupy,
    runtime_version,
    started,
    stream_address,
    unavailable_reason,
)

__all__ = [
    "Properties",
    "array_over",
    "available",
    "current_index",
    "device_count",
    "device_index",
    "properties",
    "require_cupy",
    "runtime_version",
    "started",
    "stream_address",
    "unavailable_reason",
]
