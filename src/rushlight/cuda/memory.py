"""How much GPU memory is in use. On a machine without a GPU: none.

CuPy's pool counts what it holds from the GPU but keeps no peaks. It takes more from the GPU only
when nothing free fits, so the most it has held stands for both peaks: exact for
`max_memory_reserved`, slightly high for `max_memory_allocated`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ..backend import cuda as _gpu

# The most bytes the pool of each GPU held before it was last emptied.
_peaks: defaultdict[int, int] = defaultdict(int)


def _used_and_reserved(device: Any) -> tuple[int, int]:
    """Return the bytes in use and the bytes held by the pool of a GPU."""
    if not _gpu.available():
        return 0, 0
    cupy = _gpu.require_cupy()
    pool = cupy.get_default_memory_pool()
    with cupy.cuda.Device(_gpu.device_index(device)):
        return int(pool.used_bytes()), int(pool.total_bytes())


def memory_allocated(device: Any = None) -> int:
    """Return the bytes that tensors hold."""
    return _used_and_reserved(device)[0]


def memory_reserved(device: Any = None) -> int:
    """Return the bytes held from the GPU: those of tensors and those kept for reuse."""
    return _used_and_reserved(device)[1]


def max_memory_reserved(device: Any = None) -> int:
    """Return the most bytes held from the GPU at once since the last reset."""
    if not _gpu.available():
        return 0
    return max(_peaks[_gpu.device_index(device)], memory_reserved(device))


def max_memory_allocated(device: Any = None) -> int:
    """Return the most bytes that tensors needed at once since the last reset."""
    return max_memory_reserved(device)


def reset_peak_memory_stats(device: Any = None) -> None:
    """Start counting `max_memory_allocated` and `max_memory_reserved` anew."""
    if _gpu.available():
        index = _gpu.device_index(device)
        _free_unused(index)
        _peaks[index] = 0


def reset_max_memory_allocated(device: Any = None) -> None:
    """Start counting the peaks anew (the older name of `reset_peak_memory_stats`)."""
    reset_peak_memory_stats(device)


def memory_stats(device: Any = None) -> dict[str, int]:
    """Return the four figures under the keys that torch gives them (empty without a GPU)."""
    if not _gpu.available():
        return {}
    used, reserved = _used_and_reserved(device)
    return {
        "allocated_bytes.all.current": used,
        "allocated_bytes.all.peak": max_memory_allocated(device),
        "reserved_bytes.all.current": reserved,
        "reserved_bytes.all.peak": max_memory_reserved(device),
    }


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """Return the memory figures as a table to print."""
    used, reserved = _used_and_reserved(device)
    rows = (
        ("allocated", used, max_memory_allocated(device)),
        ("reserved", reserved, max_memory_reserved(device)),
    )
    lines = [f"{'GPU memory (MiB)':<18}{'now':>12}{'peak':>12}"]
    lines += [f"{name:<18}{now / 2**20:>12.1f}{peak / 2**20:>12.1f}" for name, now, peak in rows]
    return "\n".join(lines)


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Return the bytes that are free on the GPU and the bytes it has."""
    cupy = _gpu.require_cupy()
    with cupy.cuda.Device(_gpu.device_index(device)):
        free, total = cupy.cuda.runtime.memGetInfo()
    return int(free), int(total)


def empty_cache() -> None:
    """Give memory kept for reuse back to the GPU."""
    if _gpu.started():
        for index in range(_gpu.device_count()):
            _peaks[index] = max_memory_reserved(index)
            _free_unused(index)


def _free_unused(index: int) -> None:
    cupy = _gpu.require_cupy()
    with cupy.cuda.Device(index):
        cupy.get_default_memory_pool().free_all_blocks()


def ipc_collect() -> None:
    """Raise torch's error without a GPU; nothing is shared with other processes otherwise."""
    _gpu.require_cupy()
