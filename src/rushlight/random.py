"""Random numbers: generators, seeds and states, number for number those of PyTorch's CPU.

After `rushlight.manual_seed(s)` the operators draw what PyTorch draws on a CPU after
`torch.manual_seed(s)`; where a logarithm or a cosine rounds differently the last digit may differ.
States are the same bytes, so they can be exchanged.

Two streams differ. On an Intel processor PyTorch draws `bernoulli_(p)`, dropout and `exponential_`
through a library of Intel's; rushlight draws everywhere what PyTorch draws on other processors. A
GPU's generator is a stream made on the CPU by the same rules and copied, not PyTorch's on a GPU.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ._tensor import Tensor, wrap
from .backend import dtype as dtypes
from .backend.array import module_for, to_numpy
from .backend.device import as_device, device
from .kernels.random.mt19937 import Stream

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
    "thread_safe_generator",
]

_DEFAULT_SEED = 67280421310721
_SEEDS = range(-(1 << 63), 1 << 64)


class Generator:
    """A source of random numbers with a seed and a state of its own.

    Args:
        device: where the numbers are wanted, the CPU unless given.

    Example:
        >>> g = rushlight.Generator().manual_seed(2)
        >>> rushlight.randperm(5, generator=g)
        tensor([3, 4, 1, 0, 2])

    Reference: `torch.Generator`.
    """

    __slots__ = ("__weakref__", "device", "stream")

    device: device
    stream: Stream

    def __init__(self, device: Any = "cpu"):
        self.device = as_device(device)
        module_for(self.device)
        self.stream = Stream(_DEFAULT_SEED)

    def manual_seed(self, seed: int, /) -> Generator:
        """Start the stream of `seed` and return this generator.

        Args:
            seed: an integer in [-2^63, 2^64); a negative one stands for 2^64 + seed.
        """
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        self.stream.reseed(_checked(seed.__index__()))
        return self

    def seed(self) -> int:
        """Start a stream nobody can foresee and return its seed."""
        drawn = int.from_bytes(os.urandom(8), "little")
        self.stream.reseed(drawn)
        return drawn

    def initial_seed(self) -> int:
        """Return the seed the stream was started with."""
        return self.stream.seed

    def get_state(self) -> Tensor:
        """Return the state as a tensor of 5056 bytes (PyTorch's own layout)."""
        return wrap(self.stream.get_state())

    def set_state(self, new_state: Tensor, /) -> Generator:
        """Continue from a state of `get_state`, rushlight's or PyTorch's.

        Raises:
            TypeError: the state is no tensor of bytes.
            RuntimeError: the bytes are no state of a generator.
        """
        if not isinstance(new_state, Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if new_state.dtype is not dtypes.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        self.stream.set_state(to_numpy(new_state.array))
        return self

    def clone_state(self) -> Generator:
        """Return a new generator in the same state."""
        return Generator(self.device).set_state(self.get_state())

    def __reduce__(self) -> tuple[Any, ...]:
        return Generator, (self.device,), (self.initial_seed(), None, self.get_state())

    def __setstate__(self, state: tuple[int, Any, Tensor]) -> None:
        self.set_state(state[2])


def _checked(seed: int) -> int:
    if seed not in _SEEDS:
        raise ValueError(f"Overflow when unpacking long long: seed {seed} is not in [-2^63, 2^64)")
    return seed % (1 << 64)


default_generator = Generator()
default_generator.seed()
_of_devices: dict[device, Generator] = {}


def generator_for(where: device) -> Generator:
    """Return the generator that operators on a device use if none is given."""
    if where.type == "cpu":
        return default_generator
    where = device(where.type, where.index or 0)
    if where not in _of_devices:
        _of_devices[where] = Generator(where).manual_seed(default_generator.initial_seed())
    return _of_devices[where]


def manual_seed(seed: int) -> Generator:
    """Start the stream of `seed` in the default generators of all devices.

    Args:
        seed: an integer in [-2^63, 2^64); a negative one stands for 2^64 + seed.

    Returns:
        The CPU's generator.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> rushlight.rand(3)
        tensor([0.4963, 0.7682, 0.0885])
    """
    value = int(seed)
    for other in _of_devices.values():
        other.manual_seed(value)
    return default_generator.manual_seed(value)


def seed() -> int:
    """Start streams nobody can foresee in all default generators; return the CPU's seed."""
    for other in _of_devices.values():
        other.seed()
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed the default generator was started with."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the state of the default CPU generator, a tensor of bytes.

    Example:
        >>> state = rushlight.get_rng_state()
        >>> a = rushlight.rand(2)
        >>> rushlight.set_rng_state(state)
        >>> bool((a == rushlight.rand(2)).all())
        True
    """
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue the default CPU generator from a state of `get_rng_state`."""
    default_generator.set_state(new_state)


def thread_safe_generator() -> Generator | None:
    """Return the generator of a loader's worker thread; None, as loaders have no such threads."""
    return None


@contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str | None = None,
) -> Iterator[None]:
    """Leave the default generators as they were on leaving the block.

    Args:
        devices: the GPUs whose generators to keep besides the CPU's; all that were used if None.
        enabled: False to do nothing.
        device_type: the type of `devices` given as numbers, "cuda" unless given.

    Example:
        >>> _ = rushlight.manual_seed(0)
        >>> with rushlight.random.fork_rng():
        ...     _ = rushlight.rand(100)
        >>> rushlight.rand(1)
        tensor([0.4963])
    """
    if not enabled:
        yield
        return
    kind = device(device_type or "cuda").type
    if devices is None:
        others = list(_of_devices.values())
    else:
        places = [device(kind, d) if isinstance(d, int) else device(d) for d in devices]
        others = [generator_for(place) for place in places]
    kept = [(g, g.get_state()) for g in (default_generator, *others)]
    try:
        yield
    finally:
        for g, state in kept:
            g.set_state(state)
