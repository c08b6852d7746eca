"""`torch.distributed` as a program sees it that asks first: this is one process by itself."""

from __future__ import annotations

__all__ = ["is_available", "is_initialized", "is_torchelastic_launched"]


def is_available() -> bool:
    """Tell whether processes can form a group: not yet."""
    return False


def is_initialized() -> bool:
    """Tell whether this process belongs to a group."""
    return False


def is_torchelastic_launched() -> bool:
    """Tell whether torch's launcher started this process."""
    return False
