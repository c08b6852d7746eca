"""`torch.cpu.amp`: mixed precision under its former names; use `rushlight.amp`."""

from __future__ import annotations

from typing import Any

from ...amp import GradScaler as _GradScaler, autocast as _autocast
from ...backend.dtype import bfloat16, dtype

__all__ = ["GradScaler", "autocast"]


class autocast(_autocast):
    """`rushlight.autocast("cpu", ...)`."""

    def __init__(self, enabled: bool = True, dtype: dtype = bfloat16, cache_enabled: bool = True):
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(_GradScaler):
    """`rushlight.amp.GradScaler("cpu", ...)`."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__("cpu", *args, **kwargs)
