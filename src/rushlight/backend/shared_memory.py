"""Memory that several processes see: an open file without a name, mapped into each of them.

The system frees it with the last process that has it open or mapped: nothing is left to clean up.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .storage import owner_of


class SharedMap(mmap.mmap):
    """A mapping of shared memory together with the descriptor that other processes get."""

    fd: int

    def __new__(cls, fd: int, nbytes: int) -> SharedMap:
        """Map `nbytes` of an open file; the descriptor belongs to the mapping from now on."""
        shared = super().__new__(cls, fd, nbytes)
        shared.fd = fd
        return shared

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # An argument, as `os` may be gone at the interpreter's end.
        close(self.fd)


# The mappings of this process, by file: memory that is received twice is mapped once.
_known: weakref.WeakValueDictionary[tuple[int, int], SharedMap] = weakref.WeakValueDictionary()


def _key(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def new_map(nbytes: int) -> SharedMap:
    """Return new shared memory, of one byte at least."""
    fd = _nameless_file()
    size = max(nbytes, 1)
    os.ftruncate(fd, size)
    shared = _known[_key(fd)] = SharedMap(fd, size)
    return shared


def _nameless_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("rushlight", os.MFD_CLOEXEC)
    fd, path = tempfile.mkstemp(prefix="rushlight-")
    os.unlink(path)
    return fd


def open_map(fd: int, nbytes: int) -> SharedMap:
    """Return the memory behind a descriptor that another process has sent."""
    known = _known.get(_key(fd))
    if known is not None:
        os.close(fd)
        return known
    shared = _known[_key(fd)] = SharedMap(fd, nbytes)
    return shared


def map_of(array: Any) -> SharedMap | None:
    """Return the shared memory that an array lies in; None if it is this process's own."""
    if not isinstance(array, np.ndarray):
        return None
    link: Any = owner_of(array).base
    if isinstance(link, memoryview):
        link = link.obj
    return link if isinstance(link, SharedMap) else None
