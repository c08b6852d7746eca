"""Calls of functions in other processes (`torch.distributed.rpc`): not available."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """Tell whether functions of other processes can be called: they cannot."""
    return False
