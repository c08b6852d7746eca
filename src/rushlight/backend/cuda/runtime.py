"""Is there a GPU, which one, and CuPy itself: imported here and nowhere else, on first use."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..device import device

_started = False


@functools.cache
def _probe() -> tuple[ModuleType | None, str]:
    """Return CuPy and an empty reason, or None and the reason why no GPU can be used."""
    try:
        import cupy
    except ImportError as error:
        if error.name == "cupy":
            return None, "CuPy is not installed: pip install 'rushlight[cuda12]'"
        return None, f"CuPy cannot be imported: {error}"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return None, f"CuPy found no GPU: {error}"
    return (cupy, "") if count else (None, "CuPy found no GPU")


def available() -> bool:
    """Tell whether a GPU can be used."""
    return _probe()[0] is not None


def unavailable_reason() -> str:
    """Return why no GPU can be used; empty if one can."""
    return _probe()[1]


def require_cupy() -> ModuleType:
    """Return CuPy.

    Raises:
        AssertionError: no GPU can be used (torch's exception and words, then the reason).
    """
    global _started
    cupy, reason = _probe()
    if cupy is None:
        raise AssertionError(f"Torch not compiled with CUDA enabled (no GPU: {reason})")
    _started = True
    return cupy


def started() -> bool:
    """Tell whether a GPU has been used (not only asked about) in this process."""
    return _started


def device_count() -> int:
    """Return how many GPUs can be used."""
    cupy, _ = _probe()
    return 0 if cupy is None else int(cupy.cuda.runtime.getDeviceCount())


def current_index() -> int:
    """Return the index of the GPU that new arrays go to."""
    return int(require_cupy().cuda.runtime.getDevice())


def device_index(where: Any = None) -> int:
    """Return the GPU's index of a device, string or integer (None: the current GPU).

    Raises:
        ValueError: `where` names something other than a GPU.
    """
    if where is None:
        return current_index()
    if isinstance(where, int):
        return where
    found = device(where)
    if found.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {found}")
    return current_index() if found.index is None else found.index


def runtime_version() -> str | None:
    """Return the CUDA runtime's version such as '12.9', or None without a GPU."""
    cupy, _ = _probe()
    if cupy is None:
        return None
    number = int(cupy.cuda.runtime.runtimeGetVersion())
    return f"{number // 1000}.{number % 1000 // 10}"


@dataclass(frozen=True)
class Properties:
    """What a GPU is: the fields of `torch.cuda.get_device_properties` that programs read."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    warp_size: int
    max_threads_per_multi_processor: int
    shared_memory_per_block: int
    L2_cache_size: int


def properties(index: int) -> Properties:
    """Return what GPU `index` is."""
    found = require_cupy().cuda.runtime.getDeviceProperties(index)
    return Properties(
        name=found["name"].decode(),
        major=found["major"],
        minor=found["minor"],
        total_memory=found["totalGlobalMem"],
        multi_processor_count=found["multiProcessorCount"],
        warp_size=found["warpSize"],
        max_threads_per_multi_processor=found["maxThreadsPerMultiProcessor"],
        shared_memory_per_block=found["sharedMemPerBlock"],
        L2_cache_size=found["l2CacheSize"],
    )


def array_over(address: int, size: int, shape: Any, strides: Any, dtype: Any, owner: object) -> Any:
    """Return an array over `size` bytes of a GPU's memory, which `owner` keeps alive.

    Args:
        address: where they begin.
        size: how many there are.
        shape: of the array.
        strides: of the array, in bytes.
        dtype: NumPy's dtype of the array.
        owner: lives as long as anything looks at the memory.
    """
    cupy = require_cupy()
    memory = cupy.cuda.UnownedMemory(address, size, owner)
    return cupy.ndarray(shape, dtype, cupy.cuda.MemoryPointer(memory, 0), strides)


def stream_address() -> int:
    """Return the address of the CUDA stream on which arrays are computed."""
    return int(require_cupy().cuda.get_current_stream().ptr)
