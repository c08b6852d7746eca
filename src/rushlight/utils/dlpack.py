"""Exchange of memory with other libraries, under the names of `torch.utils.dlpack`."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..ops.from_data import from_dlpack

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Any:
    """Return a DLPack capsule over a tensor's memory; a capsule can be consumed once."""
    return tensor.__dlpack__()
