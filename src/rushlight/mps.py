"""`torch.mps`: Apple's GPUs, which rushlight does not use. Programs ask before they use one."""

from __future__ import annotations

from typing import NoReturn


def is_available() -> bool:
    """Tell whether an Apple GPU can be used: never."""
    return False


def device_count() -> int:
    """Return how many Apple GPUs can be used: none."""
    return 0


def manual_seed(seed: int) -> None:
    """Seed the Apple GPU's generator, of which there is none."""


def seed() -> None:
    """Seed the Apple GPU's generator, of which there is none."""


def synchronize() -> NoReturn:
    """Raise torch's error: there is nothing to wait for."""
    raise RuntimeError("Cannot execute deviceSynchronize() without MPS backend.")


def empty_cache() -> NoReturn:
    """Raise torch's error: there is no cache."""
    raise RuntimeError("Cannot execute emptyCache() without MPS backend.")
