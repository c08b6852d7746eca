"""The compiled extension, if this installation has one.

`core` is the extension module or None; `missing_reason` says why it is None. Threads, BLAS and
memory have functions here that work either way.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import numpy as np

core: Any = None
missing_reason = ""

try:
    core = importlib.import_module(f"{__name__}._core")
except ModuleNotFoundError:
    missing_reason = "it was not built when rushlight was installed"
except ImportError as error:
    if "RUSHLIGHT_CPU" in str(error):
        raise
    missing_reason = f"it does not load: {error}"

HOW_TO_GET_IT = "install a C++20 compiler (g++ 11 or newer) and reinstall rushlight"
_noted = False


def note_missing(*_: Any, **__: Any) -> Any:
    """Say once per process that the extension is missing; decline as a fast path does."""
    global _noted
    if not _noted:
        _noted = True
        if os.environ.get("RUSHLIGHT_QUIET", "") != "1":
            print(
                f"rushlight: running on NumPy alone, the native extension is missing "
                f"({missing_reason}); for full speed {HOW_TO_GET_IT}. "
                f"RUSHLIGHT_QUIET=1 silences this note.",
                file=sys.stderr,
            )
    return NotImplemented


# The same where it also carries the calls of operators and the reverse walk (autograd/_native).
calls: Any = None if os.environ.get("RUSHLIGHT_KERNELS", "") == "reference" else core


def wrapper(tensor_class: type, reference: Any) -> Any:
    """Return the native function that does what `reference`, `_tensor.wrap`, does; else that."""
    return calls.wrap if calls is not None and calls.install_wrap(tensor_class) else reference


def level() -> str:
    """The capability level in use: 'v2', 'v3', 'v4', 'plain', or 'none' without the extension."""
    return core.level() if core is not None else "none"


def _default_threads() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_threads_without_core = _default_threads()


def get_num_threads() -> int:
    """How many threads a large kernel uses."""
    return core.num_threads() if core is not None else _threads_without_core


def set_num_threads(n: int) -> None:
    """Let large kernels use `n` threads.

    Raises:
        RuntimeError: n is not positive.
    """
    global _threads_without_core
    if n <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    if core is not None:
        core.set_num_threads(n)
    else:
        _threads_without_core = n


def limit_blas_threads(n: int) -> bool:
    """Set the thread count of the BLAS that NumPy uses; False if it could not be found."""
    return core.limit_blas_threads(n) if core is not None else False


def install_pool() -> Any:
    """Let arrays made from now on in this thread live in the caching pool.

    NumPy keeps its memory handler per context, so a new thread starts without; call this there.
    Returns what `restore_handler` takes, or None if there is no pool.
    """
    if core is None or os.environ.get("RUSHLIGHT_POOL", "") == "0":
        return None
    return core.install_pool()


def restore_handler(handler: Any) -> None:
    """Undo `install_pool` with the value it returned."""
    if core is not None and handler is not None:
        core.restore_handler(handler)


def memory_stats() -> dict[str, int]:
    """Bytes of the pool `allocated`, `cached`, `peak`, `limit`, and its `hits` and `misses`."""
    return core.memory_stats() if core is not None else {}


def empty_cache() -> None:
    """Give the memory kept for reuse back to the system."""
    if core is not None:
        core.empty_cache()


def _start() -> None:
    import ml_dtypes

    core.register_bfloat16(np.dtype(ml_dtypes.bfloat16).num)
    install_pool()


if core is not None:
    _start()
