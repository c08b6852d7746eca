"""`torch.cuda`: which GPUs there are, and what runs on them.

Everything that only asks (`is_available`, `device_count`, `memory_allocated`, ...) answers on a
machine without a GPU; everything that needs one raises torch's error and says why there is none.
"""

from __future__ import annotations

from typing import Any

from ..backend import cuda as _gpu
from ..errors import OutOfMemoryError
from .kernel import Kernel, compile_kernel, is_emulated
from .memory import (
    empty_cache,
    ipc_collect,
    max_memory_allocated,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_reserved,
    memory_stats,
    memory_summary,
    reset_max_memory_allocated,
    reset_peak_memory_stats,
)
from .random import (
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)
from .streams import (
    Event,
    Stream,
    StreamContext,
    current_stream,
    default_stream,
    set_stream,
    stream,
)

__all__ = [
    "Event",
    "Kernel",
    "OutOfMemoryError",
    "Stream",
    "StreamContext",
    "can_device_access_peer",
    "compile_kernel",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "device_of",
    "empty_cache",
    "get_arch_list",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "init",
    "initial_seed",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_emulated",
    "is_initialized",
    "is_tf32_supported",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "memory_summary",
    "reset_max_memory_allocated",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "stream",
    "synchronize",
]

_compile_kernel = compile_kernel  # PyTorch's name

AMPERE = (8, 0)  # the first GPUs with bfloat16 and TF32 units


def is_available() -> bool:
    """Tell whether a GPU can be used."""
    return _gpu.available()


def device_count() -> int:
    """Return how many GPUs can be used."""
    return _gpu.device_count()


def init() -> None:
    """Start CUDA now instead of on first use."""
    _gpu.require_cupy()


def is_initialized() -> bool:
    """Tell whether CUDA has been started."""
    return _gpu.started()


def current_device() -> int:
    """Return the index of the GPU that new tensors go to."""
    return _gpu.current_index()


def set_device(device: Any) -> None:
    """Make `device` the GPU that new tensors go to (a negative index: no change)."""
    index = _gpu.device_index(device)
    if index >= 0:
        _gpu.require_cupy().cuda.Device(index).use()


class device:
    """Make a GPU the current one inside a `with` block (None or a negative index: no change)."""

    def __init__(self, device: Any):
        self.idx = -1 if device is None else _gpu.device_index(device)
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx >= 0:
            self.prev_idx = _gpu.current_index()
            set_device(self.idx)

    def __exit__(self, *exc: object) -> None:
        set_device(self.prev_idx)


class device_of(device):
    """Make the GPU of a tensor the current one inside a `with` block (CPU tensor: no change)."""

    def __init__(self, obj: Any):
        super().__init__(obj.device if obj.is_cuda else None)


def get_device_properties(device: Any = None) -> _gpu.Properties:
    """Return name, memory, capability and size of a GPU."""
    return _gpu.properties(_gpu.device_index(device))


def get_device_name(device: Any = None) -> str:
    """Return the name of a GPU."""
    return get_device_properties(device).name


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Return the compute capability of a GPU, such as (9, 0)."""
    found = get_device_properties(device)
    return found.major, found.minor


def get_arch_list() -> list[str]:
    """Return the architectures code is compiled for: those of the GPUs present."""
    capabilities = {get_device_capability(index) for index in range(device_count())}
    return [f"sm_{major}{minor}" for major, minor in sorted(capabilities)]


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Tell whether one GPU can read another's memory directly."""
    runtime = _gpu.require_cupy().cuda.runtime
    one, other = _gpu.device_index(device), _gpu.device_index(peer_device)
    return bool(runtime.deviceCanAccessPeer(one, other))


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Tell whether the current GPU computes in bfloat16 (before Ampere: by emulation)."""
    return is_available() and (including_emulation or get_device_capability() >= AMPERE)


def is_tf32_supported() -> bool:
    """Tell whether the current GPU has TF32 units."""
    return is_available() and get_device_capability() >= AMPERE


def synchronize(device: Any = None) -> None:
    """Wait until the GPU has finished everything it was given."""
    _gpu.require_cupy().cuda.Device(_gpu.device_index(device)).synchronize()


def __getattr__(name: str) -> Any:
    if name == "amp":
        import importlib

        return importlib.import_module(f"{__name__}.amp")
    if name.endswith("Tensor"):
        from .._legacy_types import CUDA_TYPES

        if name in CUDA_TYPES:
            return CUDA_TYPES[name]
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
