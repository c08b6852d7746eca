"""The storage types that PyTorch's files name: `torch.FloatStorage` says "elements are float32"."""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any, NamedTuple

from ..backend import dtype as dtypes
from ..backend.dtype import dtype


class StorageType(NamedTuple):
    """What a file calls a storage of one dtype."""

    module: str
    name: str
    dtype: dtype


_NAMES = {
    "DoubleStorage": dtypes.float64,
    "FloatStorage": dtypes.float32,
    "HalfStorage": dtypes.float16,
    "BFloat16Storage": dtypes.bfloat16,
    "LongStorage": dtypes.int64,
    "IntStorage": dtypes.int32,
    "ShortStorage": dtypes.int16,
    "CharStorage": dtypes.int8,
    "ByteStorage": dtypes.uint8,
    "BoolStorage": dtypes.bool_,
    "ComplexFloatStorage": dtypes.complex64,
    "ComplexDoubleStorage": dtypes.complex128,
}

# Dtypes without a storage type of their own (uint16 ...) are written as untyped bytes.
UNTYPED = StorageType("torch.storage", "UntypedStorage", dtypes.uint8)
STORAGE_TYPES = {name: StorageType("torch", name, d) for name, d in _NAMES.items()}
BY_DTYPE = {kind.dtype: kind for kind in STORAGE_TYPES.values()}
STORAGE_TYPES["UntypedStorage"] = UNTYPED


def checked_reference(reference: Any, count: int) -> tuple[Any, ...]:
    """Return the storage type, key, location, length (and more) of a reference to a storage.

    Raises:
        UnpicklingError: it is not such a reference.
    """
    if type(reference) is not tuple or len(reference) != count + 1:
        raise UnpicklingError(f"a storage is referred to by a tuple of {count + 1} parts")
    kind, key, location, length, *rest = reference[1:]
    key, location = (part.decode() if type(part) is bytes else part for part in (key, location))
    if (
        not isinstance(kind, StorageType)
        or type(key) is not str
        or type(location) is not str
        or type(length) is not int
        or length < 0
    ):
        raise UnpicklingError("a storage is referred to by its type, key, location and length")
    return (kind, key, location, length, *rest)
