"""Storages: the memory that a tensor and its views share.

A tensor is a storage plus an offset, a size and a stride. Nothing has to be kept for that: NumPy
and CuPy views lead back to the array that owns the memory, and that array's bytes are the storage.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array, Shape
from . import dtype as dtypes
from .array import device_of, module_for, to_device, to_numpy
from .device import as_device, device
from .dtype import dtype


def owner_of(array: Array) -> Array:
    """Return the array that owns the memory `array` looks into: itself unless it is a view."""
    owner, link = array, array.base
    while link is not None:
        if isinstance(link, (np.ndarray, type(array))):
            owner = link
        # as_strided() puts an object that is no array between a view and its base.
        link = getattr(link, "base", None)
    return owner


def address_of(array: Array) -> int:
    """Return the address of the first element."""
    if isinstance(array, np.ndarray):
        return int(array.__array_interface__["data"][0])
    return int(array.data.ptr)


class _Window:
    """Lets NumPy view the memory of an array of any strides or dtype as bytes."""

    def __init__(self, base: np.ndarray[Any, Any], start: int, nbytes: int):
        self.base = base
        self.__array_interface__ = {
            "version": 3, "typestr": "|u1", "shape": (nbytes,),
            "data": (start, not base.flags.writeable),
        }  # fmt: skip


def _memory_of(owner: Array) -> Array:
    if owner.dtype == np.uint8 and owner.ndim == 1 and owner.flags.c_contiguous:
        return owner
    start = end = address_of(owner)
    if owner.size:
        end += owner.itemsize
        for extent, stride in zip(owner.shape, owner.strides, strict=True):
            reach = (extent - 1) * stride
            start, end = start + min(reach, 0), end + max(reach, 0)
    if isinstance(owner, np.ndarray):
        return np.asarray(_Window(owner, start, end - start))
    xp = module_for(device_of(owner))
    return xp.ndarray((end - start,), dtype=np.uint8, memptr=owner.data + (start - owner.data.ptr))


class Layout(NamedTuple):
    """A tensor's place in its storage, all counted in elements."""

    storage: UntypedStorage
    offset: int
    size: Shape
    stride: Shape


def layout_of(array: Array) -> Layout | None:
    """Return where `array` lies in its storage, or None if no offset and strides can say it.

    None is the answer for negative strides and for memory that is not aligned to the elements.
    """
    storage = UntypedStorage.of(array)
    if not array.size:
        return Layout(storage, 0, tuple(array.shape), _contiguous_stride(array.shape))
    offset = address_of(array) - storage.data_ptr()
    units = [offset, *array.strides]
    if any(unit < 0 or unit % array.itemsize for unit in units):
        return None
    offset, *stride = (unit // array.itemsize for unit in units)
    return Layout(storage, offset, tuple(array.shape), tuple(stride))


def _contiguous_stride(size: Shape) -> Shape:
    stride, step = [], 1
    for extent in reversed(size):
        stride.append(step)
        step *= max(extent, 1)
    return tuple(reversed(stride))


class UntypedStorage:
    """The bytes that a tensor and all its views share.

    `UntypedStorage(8)` makes eight uninitialised bytes, `UntypedStorage([1, 2])` two with these
    values. Storages of the same memory are equal.

    Example:
        >>> from rushlight.backend.storage import UntypedStorage
        >>> storage = UntypedStorage([1, 2, 3])
        >>> storage.nbytes(), storage[1]
        (3, 2)
    """

    __slots__ = ("_bytes", "_owner")

    def __init__(self, content: int | Sequence[int] = 0, *, device: Any = "cpu"):
        where = as_device(device)
        make = np.empty if isinstance(content, int) else np.array
        self._bytes = self._owner = to_device(make(content, dtype=np.uint8), where)

    @classmethod
    def of(cls, array: Array) -> UntypedStorage:
        """Return the storage that an array lies in, without copying."""
        storage = object.__new__(cls)
        storage._owner = owner_of(array)
        storage._bytes = _memory_of(storage._owner)
        return storage

    @classmethod
    def from_buffer(cls, buffer: Any) -> UntypedStorage:
        """Return a storage over the memory of an object with the buffer protocol, not copied."""
        return cls.of(np.frombuffer(buffer, dtype=np.uint8))

    @classmethod
    def from_file(
        cls, filename: str | os.PathLike[str], shared: bool = False, nbytes: int = 0
    ) -> UntypedStorage:
        """Map a file into memory.

        Args:
            filename: the file.
            shared: whether writing to the storage writes to the file; then the file is made, or
                made longer, to hold `nbytes`.
            nbytes: how many bytes to map; 0 maps the whole file.
        """
        with open(filename, "a+b" if shared else "rb") as file:
            if shared and os.fstat(file.fileno()).st_size < nbytes:
                file.truncate(nbytes)
            import mmap

            access = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
            return cls.from_buffer(mmap.mmap(file.fileno(), nbytes, access=access))

    def as_array(self, d: dtype, offset: int, size: Shape, stride: Shape) -> Array:
        """Return the array of a tensor in this storage; offset and stride count elements.

        Raises:
            ValueError: the array would reach beyond the storage.
        """
        strides = tuple(step * d.itemsize for step in stride)
        if isinstance(self._bytes, np.ndarray):
            start = offset * d.itemsize
            return np.ndarray(size, d.numpy, buffer=self._bytes, offset=start, strides=strides)
        xp = module_for(self.device)
        first = self._bytes.view(d.numpy)[offset:]
        return xp.lib.stride_tricks.as_strided(first, size, strides)

    def nbytes(self) -> int:
        """Return the number of bytes."""
        return int(self._bytes.size)

    size = __len__ = nbytes

    def element_size(self) -> int:
        """Return the bytes of one element: 1."""
        return 1

    def data_ptr(self) -> int:
        """Return the address of the first byte; 0 for an empty storage, as in torch."""
        return address_of(self._bytes) if self._bytes.size else 0

    @property
    def _cdata(self) -> int:
        return id(self._owner)

    @property
    def device(self) -> device:
        """The device whose memory this is."""
        return device_of(self._bytes)

    @property
    def is_cuda(self) -> bool:
        """Whether this is a CUDA device's memory."""
        return self.device.type == "cuda"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and self._owner is other._owner

    def __hash__(self) -> int:
        return id(self._owner)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            if index.step not in (None, 1):
                raise RuntimeError(
                    f"Trying to slice with a step of {index.step}, but only a step of 1 is "
                    "supported"
                )
            return self._part(self._bytes[index])
        return int(self._bytes[index])

    def _part(self, window: Array) -> UntypedStorage:
        part = object.__new__(UntypedStorage)
        part._bytes = part._owner = window
        return part

    def __setitem__(self, index: Any, value: int) -> None:
        self._bytes[index] = value

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def tolist(self) -> list[int]:
        """Return the bytes as a list of numbers."""
        return to_numpy(self._bytes).tolist()

    def fill_(self, value: int) -> UntypedStorage:
        """Set every byte to `value`."""
        self._bytes.fill(value)
        return self

    def copy_(self, source: UntypedStorage, non_blocking: bool | None = None) -> UntypedStorage:
        """Copy the bytes of a storage of the same length, from any device."""
        if source.nbytes() != self.nbytes():
            raise RuntimeError(
                f"UntypedStorage.copy_: expected {self.nbytes()} bytes, got {source.nbytes()}"
            )
        self._bytes[...] = to_device(source._bytes, self.device)
        return self

    def clone(self) -> UntypedStorage:
        """Return a copy."""
        return UntypedStorage.of(self._bytes.copy())

    def __deepcopy__(self, memo: dict[int, Any]) -> UntypedStorage:
        # Two handles of one memory must stay one memory in the copy.
        key = ("storage", self._cdata)
        return memo.setdefault(key, self.clone())  # type: ignore[call-overload]

    def to(self, *, device: Any, non_blocking: bool = False) -> UntypedStorage:
        """Return the storage on a device: itself if it is there already."""
        moved = to_device(self._bytes, as_device(device))
        return self if moved is self._bytes else UntypedStorage.of(moved)

    def cpu(self) -> UntypedStorage:
        """Return the storage in main memory."""
        return self.to(device="cpu")

    def cuda(self, device: Any = None, non_blocking: bool = False) -> UntypedStorage:
        """Return the storage in a CUDA device's memory."""
        return self.to(device="cuda" if device is None else device)

    def byteswap(self, d: dtype) -> None:
        """Reverse the byte order of every element (of both halves of complex ones) in place."""
        width = d.to_real().itemsize
        self._bytes[...] = self._bytes.reshape(-1, width)[:, ::-1].reshape(-1)

    def untyped(self) -> UntypedStorage:
        """Return itself."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return UntypedStorage.from_buffer, (bytearray(to_numpy(self._bytes)),)

    def __repr__(self) -> str:
        values = "\n".join(f" {value}" for value in self.tolist())
        return f"{values}\n[torch.storage.UntypedStorage(device={self.device}) of size {len(self)}]"


class TypedStorage:
    """A storage read as elements of one dtype.

    Kept for programs written for PyTorch before 2.0; `UntypedStorage` is the storage to use.
    """

    __slots__ = ("_untyped_storage", "dtype")

    def __init__(
        self, *content: Any, wrap_storage: UntypedStorage | None = None, dtype: dtype | None = None
    ):
        self.dtype = dtypes.get_default_dtype() if dtype is None else dtype
        if wrap_storage is None:
            first = content[0] if content else 0
            make = np.empty if isinstance(first, int) else np.array
            wrap_storage = UntypedStorage.of(make(first, dtype=self.dtype.numpy))
        self._untyped_storage = wrap_storage

    def _elements(self) -> Array:
        return self._untyped_storage._bytes.view(self.dtype.numpy)

    def untyped(self) -> UntypedStorage:
        """Return the storage without the dtype."""
        return self._untyped_storage

    def nbytes(self) -> int:
        """Return the number of bytes."""
        return self._untyped_storage.nbytes()

    def size(self) -> int:
        """Return the number of elements."""
        return self.nbytes() // self.dtype.itemsize

    __len__ = size

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self.dtype.itemsize

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return self._untyped_storage.data_ptr()

    @property
    def device(self) -> device:
        """The device whose memory this is."""
        return self._untyped_storage.device

    @property
    def is_cuda(self) -> bool:
        """Whether this is a CUDA device's memory."""
        return self._untyped_storage.is_cuda

    def _with(self, storage: UntypedStorage) -> TypedStorage:
        return TypedStorage(wrap_storage=storage, dtype=self.dtype)

    def cpu(self) -> TypedStorage:
        """Return the storage in main memory."""
        return self._with(self._untyped_storage.cpu())

    def cuda(self, device: Any = None, non_blocking: bool = False) -> TypedStorage:
        """Return the storage in a CUDA device's memory."""
        return self._with(self._untyped_storage.cuda(device))

    def clone(self) -> TypedStorage:
        """Return a copy."""
        return self._with(self._untyped_storage.clone())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            first, last, _ = index.indices(len(self))
            width = self.dtype.itemsize
            return self._with(self._untyped_storage[first * width : last * width])
        return self.tolist()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._elements()[index] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def tolist(self) -> list[Any]:
        """Return the elements as Python numbers."""
        elements = to_numpy(self._elements())
        return (elements.astype(np.float32) if self.dtype is dtypes.bfloat16 else elements).tolist()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TypedStorage)
            and self.dtype is other.dtype
            and self._untyped_storage == other._untyped_storage
        )

    def __hash__(self) -> int:
        return hash(self._untyped_storage)

    def __repr__(self) -> str:
        values = "\n".join(f" {value}" for value in self.tolist())
        return (
            f"{values}\n[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) "
            f"of size {len(self)}]"
        )
