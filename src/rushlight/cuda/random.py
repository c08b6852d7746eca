"""Seeds of the GPUs' random numbers; without a GPU there is nothing to seed, which is fine."""

from __future__ import annotations

import secrets

from ..backend import cuda as _gpu

# What each GPU's generator was last seeded with.
_seeds: dict[int, int] = {}


def _seed_device(index: int, seed: int) -> None:
    cupy = _gpu.require_cupy()
    with cupy.cuda.Device(index):
        cupy.random.seed(seed % 2**64)
    _seeds[index] = seed


def manual_seed(seed: int) -> None:
    """Seed the current GPU's generator."""
    if _gpu.available():
        _seed_device(_gpu.current_index(), int(seed))


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all GPUs."""
    for index in range(_gpu.device_count()):
        _seed_device(index, int(seed))


def seed() -> None:
    """Seed the current GPU's generator with a number nobody can guess."""
    manual_seed(secrets.randbits(63))


def seed_all() -> None:
    """Seed the generators of all GPUs with one number nobody can guess."""
    manual_seed_all(secrets.randbits(63))


def initial_seed() -> int:
    """Return what the current GPU's generator was last seeded with."""
    index = _gpu.current_index()
    if index not in _seeds:
        manual_seed(secrets.randbits(63))
    return _seeds[index]
