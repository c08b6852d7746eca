"""Python's `multiprocessing`, with tensors that are shared rather than copied between processes.

A tensor that is put into a queue, or given to a process, is moved to shared memory; only a
descriptor travels. Writing to it in one process is seen in the others.

Note:
    The process that sends a tensor has to live until the other one has received it.
"""

from __future__ import annotations

import multiprocessing as _processes
from multiprocessing import *  # noqa: F403 - all its names are ours, too

from . import reductions
from .spawn import (
    ProcessContext,
    ProcessException,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)

reductions.init_reductions()

_strategy = "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """Return the names that `set_sharing_strategy` takes."""
    return {"file_descriptor", "file_system"}


def get_sharing_strategy() -> str:
    """Return the current strategy: 'file_descriptor' unless another was set."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Choose how tensors are sent to other processes.

    Args:
        new_strategy: one of `get_all_sharing_strategies()`.

    Note:
        Both names stand for the same way: descriptors are sent, no name in a file system is used.
    """
    global _strategy
    if new_strategy not in get_all_sharing_strategies():
        raise AssertionError(
            f"set_sharing_strategy: expected one of {sorted(get_all_sharing_strategies())}, "
            f"got {new_strategy!r}"
        )
    _strategy = new_strategy


__all__ = [
    *_processes.__all__,
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]
