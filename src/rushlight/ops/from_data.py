"""Tensors from data: tensor, as_tensor, from_numpy and their kin."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._tensor import Tensor, wrap
from .._typing import Array
from ..backend import dtype as dtypes
from ..backend.array import to_device
from ..backend.device import as_device
from ..backend.dtype import dtype as DType
from ._arguments import allocate, check_dtype, finish
from ._export import export
from ._nested_data import array_from, from_numpy_array
from .casts import convert


@export
def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Copy data into a new tensor without history.

    Args:
        data: a number, nested sequences of numbers, a NumPy array or a Tensor.
        dtype: dtype of the result; None infers it: NumPy data keeps its dtype, Python floats take
            the default dtype, integers int64.
        device: where the result lives; None: the default device (a Tensor's own).
        requires_grad: whether operations on the result are recorded.
        pin_memory: accepted for compatibility.

    Raises:
        ValueError: the nesting is ragged.
        TypeError: an element is no number.

    Example:
        >>> rushlight.tensor([[1, 2], [3, 4.5]])
        tensor([[1.0000, 2.0000],
                [3.0000, 4.5000]])
    """
    dtype = check_dtype("tensor", dtype)
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True), "
            "rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        return finish("tensor", _copied(data, dtype, device), None, requires_grad)
    return finish("tensor", _array_of(data, dtype, device), None, requires_grad)


def _copied(source: Tensor, dtype: DType | None, device: Any) -> Array:
    where = source.device if device is None else as_device(device)
    array = to_device(source.array, where)
    return array.astype(array.dtype if dtype is None else dtype.numpy, order="C")


def _array_of(data: Any, dtype: DType | None, device: Any) -> Array:
    where = as_device(device)
    if hasattr(data, "__cuda_array_interface__"):
        array = allocate(where, lambda xp: xp.array(data))
        return array if dtype is None else array.astype(dtype.numpy, copy=False)
    if hasattr(data, "__array__") and not isinstance(data, (np.ndarray, np.generic)):
        data = np.asarray(data)
    array = array_from(data, dtype)
    return array if where.type == "cpu" else to_device(array, where)


@export
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Turn data into a tensor, sharing memory and history where possible.

    A Tensor of the wanted dtype and device is returned itself; a NumPy array is shared.
    """
    dtype = check_dtype("as_tensor", dtype)
    if isinstance(data, Tensor):
        return convert(data, dtype, None if device is None else as_device(device))
    if isinstance(data, np.ndarray):
        shared = wrap(_shared(data))
        return convert(shared, dtype, as_device(device))
    return finish("as_tensor", _array_of(data, dtype, device), None, False)


@export
def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """Turn an object into a tensor: a Tensor, NumPy array, buffer, DLPack capsule or numbers.

    Args:
        obj: the object.
        dtype: dtype of the result; None keeps or infers it.
        device: where the result lives.
        copy: True always copies; False raises ValueError where a copy would be needed; None
            copies only if needed.
        requires_grad: whether the result requires grad; None: if a tensor given does. Unless it
            is False, a tensor's history stays.
    """
    dtype = check_dtype("asarray", dtype)
    source = _alias(obj, dtype)
    if source is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence")
        return finish("asarray", _array_of(obj, dtype, device), None, bool(requires_grad))
    result = convert(source, dtype, None if device is None else as_device(device))
    if copy is False and result is not source:
        raise ValueError(
            f"can't alias tensor with dtype '{source.dtype}' on {source.device} without a copy"
        )
    if copy and result is source:
        result = result.clone()
    if requires_grad is None or requires_grad is result.requires_grad:
        return result
    return result.requires_grad_() if requires_grad else result.detach()


def _alias(obj: Any, dtype: DType | None) -> Tensor | None:
    """Return a tensor over the memory of `obj`, or None if it has none to share."""
    if isinstance(obj, Tensor):
        return obj
    if isinstance(obj, (np.ndarray, np.generic)):
        return wrap(_shared(np.asarray(obj)))
    if hasattr(obj, "__dlpack__"):
        return from_dlpack(obj)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return frombuffer(obj, dtype=dtype or dtypes.get_default_dtype())
    return None


def _shared(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if not array.flags.writeable and array.size:
        warnings.warn(
            "The given NumPy array is not writable, and tensors over it cannot be written to. Copy "
            "the array if you want to write.",
            UserWarning,
            stacklevel=3,
        )
    return from_numpy_array(array)


@export
def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """Return a tensor that shares the memory of a NumPy array.

    Raises:
        TypeError: not an array, or of a dtype without counterpart.
        ValueError: the array has negative strides.

    Example:
        >>> a = np.zeros(2)
        >>> rushlight.from_numpy(a)[0] = 5
        >>> a
        array([5., 0.])
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return wrap(_shared(ndarray))


class _Capsule:
    """Gives a capsule of memory on the CPU the methods it lacks; NumPy takes it as read-only."""

    def __init__(self, capsule: Any):
        self.capsule = capsule
        self.array = np.from_dlpack(self)
        address, _ = self.array.__array_interface__["data"]
        self.__array_interface__ = {**self.array.__array_interface__, "data": (address, False)}

    def __dlpack__(self, **options: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


@export
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a tensor over the memory of any object that speaks DLPack.

    Args:
        ext_tensor: an object with `__dlpack__` (another library's array), or a capsule of memory
            on the CPU.
        device: where the result lives; None keeps the object's device.
        copy: True always copies.
    """
    if type(ext_tensor).__name__ == "PyCapsule":
        shared = wrap(np.asarray(_Capsule(ext_tensor)))
    elif isinstance(ext_tensor, Tensor):
        shared = wrap(ext_tensor.array)
    elif ext_tensor.__dlpack_device__()[0] == 1:
        shared = wrap(from_numpy_array(np.from_dlpack(ext_tensor)))
    else:
        shared = wrap(allocate(as_device("cuda"), lambda xp: xp.from_dlpack(ext_tensor)))
    moved = convert(shared, None, None if device is None else as_device(device))
    return moved.clone() if copy and moved is shared else moved


@export
def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """Return a 1-d tensor over the memory of an object with the buffer protocol.

    Args:
        buffer: the object (bytearray, memoryview, mmap, ...).
        dtype: how to read the bytes.
        count: number of elements; -1: as many as there are.
        offset: bytes to skip.
        requires_grad: whether the result requires grad.

    Raises:
        ValueError: the buffer is empty, too short, or not a whole number of elements.
    """
    kind = check_dtype("frombuffer", dtype)
    assert kind is not None
    view = memoryview(buffer)
    length, width = view.nbytes, kind.itemsize
    if length == 0 or count == 0:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({length} bytes) minus 1"
        )
    if count < 0 and (length - offset) % width:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a "
            f"multiple of element size ({width})"
        )
    if count > 0 and offset + count * width > length:
        raise ValueError(
            f"requested buffer length ({count} * {width} bytes) after offset ({offset} bytes) must "
            f"not be greater than actual buffer length ({length} bytes)"
        )
    if view.readonly:
        warnings.warn(
            "The given buffer is not writable, and tensors over it cannot be written to. Copy the "
            "buffer if you want to write.",
            UserWarning,
            stacklevel=2,
        )
    raw = np.frombuffer(buffer, dtype=np.uint8)
    end = length if count < 0 else offset + count * width
    return finish("frombuffer", raw[offset:end].view(kind.numpy), None, requires_grad)
