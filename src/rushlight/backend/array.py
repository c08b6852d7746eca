"""Which module owns an array, and moving arrays between devices.

CuPy is recognised through `sys.modules` and never imported for somebody who only uses the CPU.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

from .._typing import Array
from .device import CPU, META, device
from .meta import NAMESPACE, NO_DATA, MetaArray, meta_array


def array_module(x: Array) -> ModuleType:
    """Return numpy or cupy, whichever `x` belongs to."""
    if isinstance(x, (np.ndarray, np.generic)):
        return np
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy
    return np


def device_of(x: Array) -> device:
    """Return the device whose memory holds `x`."""
    if isinstance(x, np.ndarray):
        return META if isinstance(x, MetaArray) else CPU
    return device("cuda", int(x.device.id))


def module_for(where: device) -> ModuleType:
    """Return the array module that allocates on a device.

    Raises:
        AssertionError: a CUDA device is asked for and CuPy or the GPU is missing.
        RuntimeError: the device type has no implementation here.
    """
    if where.type == "cpu":
        return np
    if where.type == "cuda":
        from .cuda import require_cupy

        return require_cupy()
    if where.type == "meta":
        return NAMESPACE
    raise RuntimeError(
        f"device type '{where.type}' has no backend in rushlight: use 'cpu' or 'cuda'"
    )


def to_device(x: Array, where: device) -> Array:
    """Return `x` on a device: itself if it is there already, else a copy.

    Raises:
        NotImplementedError: `x` is on the meta device.
    """
    here = device_of(x)
    if here.type == where.type and (where.index is None or here.index == where.index):
        return x
    if here.type == "meta":
        raise NotImplementedError(NO_DATA)
    if where.type == "meta":
        return meta_array(x.shape, x.dtype, x.strides)
    if where.type == "cpu":
        return x.get() if hasattr(x, "get") else x
    cupy = module_for(where)
    with cupy.cuda.Device(where.index or 0):
        return cupy.asarray(x)


def to_numpy(x: Array) -> np.ndarray[Any, Any]:
    """Return `x` as a NumPy array, shared where it is one already."""
    return x if isinstance(x, np.ndarray) else x.get()


def row_major(x: Array) -> Array:
    """Return `x`, copied if its elements do not lie one row after the other."""
    return x if x.flags.c_contiguous else x.copy(order="C")


def each_once(array: Array, base: Array) -> Array:
    """Return a writable window on the memory of `array`, a view of `base`, without repetitions."""
    if not isinstance(array, np.ndarray) or array.flags.writeable or not base.flags.writeable:
        return array
    once = array[tuple([slice(None) if s else slice(1) for s in array.strides])]
    return np.asarray(_Memory(once, base)).view(array.dtype)


class _Memory:
    """The memory of a read-only array, made writable on the authority of the base it shows."""

    def __init__(self, array: np.ndarray[Any, Any], base: np.ndarray[Any, Any]):
        self.base = base
        self.__array_interface__ = {
            "version": 3,
            "data": (array.__array_interface__["data"][0], False),
            "shape": array.shape,
            "strides": array.strides,
            "typestr": f"|V{array.itemsize}",
        }
