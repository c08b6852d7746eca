"""`torch.accelerator`: the GPU, whatever its make. Here that is CUDA or nothing.

Example:
    >>> if rushlight.accelerator.is_available():
    ...     device = rushlight.accelerator.current_accelerator()
    ... else:
    ...     device = rushlight.device("cpu")
"""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

from . import cpu, cuda
from .backend.device import device as _Device


def is_available() -> bool:
    """Tell whether there is an accelerator."""
    return cuda.is_available()


def device_count() -> int:
    """Return how many accelerators there are."""
    return cuda.device_count()


def current_accelerator(check_available: bool = False) -> _Device | None:
    """Return the accelerator's device type as a device without index, None if there is none."""
    return _Device("cuda") if is_available() else None


def _require() -> None:
    if not is_available():
        raise RuntimeError("Cannot access accelerator device when none is available.")


def current_device_index() -> int:
    """Return the index of the accelerator that new tensors go to."""
    _require()
    return cuda.current_device()


def current_device_idx() -> int:
    """Return the index of the current accelerator (the older name)."""
    return current_device_index()


def set_device_index(device: Any, /) -> None:
    """Make `device` the accelerator that new tensors go to."""
    _require()
    cuda.set_device(device)


def set_device_idx(device: Any, /) -> None:
    """Make `device` the current accelerator (the older name)."""
    set_device_index(device)


class device_index:
    """Make an accelerator the current one inside a `with` block (None: no change)."""

    def __init__(self, device: int | None, /):
        self.idx = device
        self._outer = -1

    def __enter__(self) -> None:
        if self.idx is not None:
            self._outer = current_device_index()
            set_device_index(self.idx)

    def __exit__(self, *exc: object) -> None:
        if self.idx is not None:
            set_device_index(self._outer)


def synchronize(device: Any = None, /) -> None:
    """Wait until the accelerator has finished everything it was given."""
    _require()
    cuda.synchronize(device)


def current_stream(device: Any = None, /) -> cuda.Stream:
    """Return the stream that work is put in at present."""
    _require()
    return cuda.current_stream(device)


def set_stream(stream: cuda.Stream) -> None:
    """Put work in `stream` from now on."""
    _require()
    cuda.set_stream(stream)


def empty_cache() -> None:
    """Give memory kept for reuse back to the accelerator."""
    _require()
    cuda.empty_cache()


def memory_allocated(device_index: Any = None, /) -> int:
    """Return the bytes that tensors hold."""
    _require()
    return cuda.memory_allocated(device_index)


def max_memory_allocated(device_index: Any = None, /) -> int:
    """Return the most bytes that tensors needed at once since the last reset."""
    _require()
    return cuda.max_memory_allocated(device_index)


def memory_reserved(device_index: Any = None, /) -> int:
    """Return the bytes held: those of tensors and those kept for reuse."""
    _require()
    return cuda.memory_reserved(device_index)


def max_memory_reserved(device_index: Any = None, /) -> int:
    """Return the most bytes held at once since the last reset."""
    _require()
    return cuda.max_memory_reserved(device_index)


def memory_stats(device_index: Any = None, /) -> dict[str, int]:
    """Return the memory figures under torch's keys."""
    _require()
    return cuda.memory_stats(device_index)


def reset_peak_memory_stats(device_index: Any = None, /) -> None:
    """Start counting the peaks anew."""
    _require()
    cuda.reset_peak_memory_stats(device_index)


def get_memory_info(device_index: Any = None, /) -> tuple[int, int]:
    """Return the bytes that are free and the bytes there are."""
    _require()
    return cuda.mem_get_info(device_index)


def get_device_module(device: Any = None) -> ModuleType:
    """Return `torch.cpu` or `torch.cuda`, whichever a device belongs to.

    Args:
        device: a device or a string; None for the accelerator, the CPU if there is none.

    Raises:
        RuntimeError: it is neither, or the device type has no module here.
    """
    if device is None:
        return cuda if is_available() else cpu
    if not isinstance(device, (str, _Device)):
        raise RuntimeError(f"Invalid value of device '{device}', expect torch.device, str, or None")
    kind = _Device(device).type
    if kind not in ("cpu", "cuda"):
        raise RuntimeError(f"Device '{kind}' does not have a corresponding module in rushlight")
    return cuda if kind == "cuda" else cpu


class Event:
    """A mark in the accelerator's work, or, without one, in the time of this process.

    Args:
        device: whose work; the current accelerator unless given.
        enable_timing: keep the time, for `elapsed_time`.
        blocking: sleep rather than spin in `synchronize`.
        interprocess: allow other processes to open it.
    """

    def __new__(
        cls,
        device: Any = None,
        *,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
    ) -> Any:
        """Make an event of CUDA where there is a GPU."""
        if cuda.is_available() and str(device or "cuda").startswith("cuda"):
            return cuda.Event(enable_timing, blocking, interprocess)
        return super().__new__(cls)

    def record(self, stream: Any = None) -> None:
        """Put the mark here: nothing is waiting on the CPU."""
        self._time = time.perf_counter()

    def wait(self, stream: Any = None) -> None:
        """Do nothing: work on the CPU is done when it returns."""

    def query(self) -> bool:
        """Tell whether the work before the mark is done."""
        return True

    def synchronize(self) -> None:
        """Do nothing: work on the CPU is done when it returns."""

    def elapsed_time(self, other: Event) -> float:
        """Return the milliseconds between this mark and a later one."""
        return 1000 * (other._time - self._time)
