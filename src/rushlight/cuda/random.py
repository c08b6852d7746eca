"""The generators of the GPUs. Without a GPU there is nothing to seed, and that is no error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._tensor import Tensor
from ..backend import cuda as _gpu
from ..backend.device import device as _device
from ..random import Generator, generator_for


def _generator(device: Any = None) -> Generator:
    return generator_for(_device("cuda", _gpu.device_index(device)))


def _every() -> list[Generator]:
    return [_generator(index) for index in range(_gpu.device_count())]


def manual_seed(seed: int) -> None:
    """Start the stream of `seed` in the current GPU's generator."""
    if _gpu.available():
        _generator().manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Start the stream of `seed` in the generators of all GPUs."""
    for generator in _every():
        generator.manual_seed(int(seed))


def seed() -> None:
    """Start a stream nobody can foresee in the current GPU's generator."""
    if _gpu.available():
        _generator().seed()


def seed_all() -> None:
    """Start one stream nobody can foresee in the generators of all GPUs."""
    seed()
    if _gpu.available():
        manual_seed_all(initial_seed())


def initial_seed() -> int:
    """Return the seed the current GPU's generator was started with."""
    return _generator().initial_seed()


def get_rng_state(device: Any = "cuda") -> Tensor:
    """Return the state of a GPU's generator, a tensor of bytes on the CPU."""
    return _generator(device).get_state()


def get_rng_state_all() -> list[Tensor]:
    """Return the states of the generators of all GPUs."""
    return [generator.get_state() for generator in _every()]


def set_rng_state(new_state: Tensor, device: Any = "cuda") -> None:
    """Continue a GPU's generator from a state of `get_rng_state`."""
    _generator(device).set_state(new_state)


def set_rng_state_all(new_states: Iterable[Tensor]) -> None:
    """Continue the generators of all GPUs from the states of `get_rng_state_all`."""
    for index, state in enumerate(new_states):
        set_rng_state(state, index)
