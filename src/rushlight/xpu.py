"""`torch.xpu`: Intel's GPUs, which rushlight does not use. Programs ask before they use one."""

from __future__ import annotations


def is_available() -> bool:
    """Tell whether an Intel GPU can be used: never."""
    return False


def device_count() -> int:
    """Return how many Intel GPUs can be used: none."""
    return 0


def manual_seed(seed: int) -> None:
    """Seed the Intel GPU's generator, of which there is none."""


def manual_seed_all(seed: int) -> None:
    """Seed the Intel GPUs' generators, of which there are none."""


def empty_cache() -> None:
    """Give unused memory back, of which there is none."""
