"""Tensors in memory that several processes see."""

from __future__ import annotations

import importlib

import numpy as np

from .._tensor import Tensor, method
from .._typing import Array
from ..backend.array import to_numpy
from ..backend.storage import layout_of


@method
def is_shared(self: Tensor) -> bool:
    """Tell whether the memory is shared between processes, or that of a CUDA device."""
    from ..backend.shared_memory import map_of

    return self.is_cuda or map_of(self.array) is not None


@method
def share_memory_(self: Tensor) -> Tensor:
    """Move the tensor to memory that other processes can map, and return it.

    Processes that are forked from now on, and those that the tensor is sent to, see the same
    elements. Nothing happens if the memory is shared already, or is a CUDA device's.

    Note:
        The tensor that a view was made from moves with it; other tensors of the same memory
        stay where they are.

    Example:
        >>> x = rushlight.ones(2).share_memory_()
        >>> x.is_shared(), x
        (True, tensor([1., 1.]))
    """
    # From here on `multiprocessing` has to know how tensors are sent.
    importlib.import_module("rushlight.multiprocessing")
    if self.is_cuda or is_shared(self):
        return self
    view = self._view
    if view is None:
        self.array = _shared_copy(self.array)
        return self
    base = share_memory_(view.base)
    self.array = view.window(base.detach()).array
    return self


def _shared_copy(array: Array) -> Array:
    from ..backend.shared_memory import new_map

    layout = layout_of(array)
    if layout is None:
        array = np.ascontiguousarray(to_numpy(array))
        layout = layout_of(array)
        assert layout is not None
    memory = np.frombuffer(new_map(layout.storage.nbytes()), np.uint8)
    memory[: layout.storage.nbytes()] = to_numpy(layout.storage._bytes)
    dtype = array.dtype
    moved = np.ndarray(
        array.shape, dtype, memory, layout.offset * dtype.itemsize,
        tuple(step * dtype.itemsize for step in layout.stride),
    )  # fmt: skip
    moved.flags.writeable = array.flags.writeable
    return moved
