"""`torch.backends.mps`: Apple's GPUs, which rushlight does not use."""

from __future__ import annotations


def is_available() -> bool:
    """Tell whether an Apple GPU can be used: never."""
    return False


def is_built() -> bool:
    """Tell whether support for Apple GPUs is built in: no."""
    return False


def is_macos_or_newer(major: int, minor: int) -> bool:
    """Tell whether Apple's GPU library of this macOS release is there: never."""
    return False
