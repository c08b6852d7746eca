"""`torch.return_types`: the types of the named results of `max`, `sort`, `topk` ..."""

from __future__ import annotations

from typing import Any

from ..ops._return_types import RETURN_TYPES


def __getattr__(name: str) -> Any:
    if name in RETURN_TYPES:
        return RETURN_TYPES[name]
    raise AttributeError(f"module 'torch.return_types' has no attribute {name!r}", name=name)


def __dir__() -> list[str]:
    return sorted(RETURN_TYPES)
