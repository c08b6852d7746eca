"""The format that PyTorch wrote before 1.6: pickles one after another, then the storages."""

from __future__ import annotations

import pickle
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend.storage import TypedStorage, UntypedStorage
from .locations import Locations
from .storage_types import checked_reference
from .writer import StorageTable, bytes_of, make_pickler

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
_LENGTH = struct.Struct("<q")

# Takes the data, the function that finds storages, and a position; returns the object there and
# the position behind it.
Unpickle = Callable[..., tuple[Any, int]]


def save(obj: object, file: Any, pickle_module: Any, protocol: int) -> None:
    """Write an object in the old format."""
    system = {
        "protocol_version": PROTOCOL_VERSION,
        "little_endian": sys.byteorder == "little",
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    for part in (MAGIC_NUMBER, PROTOCOL_VERSION, system):
        pickle_module.dump(part, file, protocol=protocol)
    table = StorageTable(lambda *reference: (*reference, None))  # None: not a part of another
    make_pickler(pickle_module, file, protocol, table).dump(obj)
    pickle_module.dump(sorted(table.storages), file, protocol=protocol)
    for key in sorted(table.storages):
        storage = table.storages[key]
        file.write(_LENGTH.pack(storage.nbytes() // table.element_sizes[key]))
        file.write(bytes_of(storage))


def load(data: bytes, name: str, locations: Locations, unpickle: Unpickle) -> Any:
    """Read an object in the old format.

    Raises:
        RuntimeError: the file is cut short, or of no known format.
        UnpicklingError: one of its pickles is damaged or asks for what is not allowed.
    """
    if data[257:262] == b"ustar":
        raise RuntimeError(f"{name}: the .tar format of PyTorch before 0.1.10 cannot be loaded")
    if data[:1] != b"\x80":
        raise RuntimeError(f"{name}: not a checkpoint: neither a zip archive nor a pickle")
    magic, at = unpickle(data)
    if magic != MAGIC_NUMBER:
        raise RuntimeError(f"{name}: Invalid magic number; corrupt file?")
    version, at = unpickle(data, None, at)
    if version != PROTOCOL_VERSION:
        raise RuntimeError(f"{name}: Invalid protocol version: {version!r:.100}")
    system, at = unpickle(data, None, at)
    little = system.get("little_endian", True) if isinstance(system, dict) else True
    storages = _LegacyStorages(len(data), name, locations)
    result, at = unpickle(data, storages.load, at)
    keys, at = unpickle(data, None, at)
    storages.fill(data, at, keys, swap=little != (sys.byteorder == "little"))
    return result


class _LegacyStorages:
    """Storages that are handed out empty while the pickle is read and filled afterwards."""

    def __init__(self, limit: int, name: str, locations: Locations):
        self._left = limit
        self._name = name
        self._locations = locations
        self._loaded: dict[str, TypedStorage] = {}

    def load(self, reference: Any) -> TypedStorage:
        """Return the storage that the pickle refers to."""
        if reference[0] == "module":  # a class and its source; only trusted files get here
            return reference[1]
        kind, key, location, count, view = checked_reference(reference, 5)
        if view is not None:
            raise pickle.UnpicklingError(
                f"storage {key}: parts of other storages are not supported"
            )
        known = self._loaded.get(key)
        if known is None:
            # The bytes follow in the file: no honest file announces more than it is long.
            nbytes = count * kind.dtype.itemsize
            self._left -= nbytes
            if self._left < 0:
                raise pickle.UnpicklingError(f"storage {key} is larger than the file")
            empty = UntypedStorage.of(np.zeros(nbytes, dtype=np.uint8))
            restored = self._locations.restore(empty, location)
            known = self._loaded[key] = TypedStorage(wrap_storage=restored, dtype=kind.dtype)
        if known.dtype is not kind.dtype or len(known) != count:
            raise pickle.UnpicklingError(f"storage {key} is referred to in two ways")
        return known

    def fill(self, data: bytes, at: int, keys: Any, swap: bool) -> None:
        """Copy the bytes behind the pickles into the storages."""
        if type(keys) is not list or sorted(map(str, keys)) != sorted(self._loaded):
            raise RuntimeError(f"{self._name}: the list of storages does not match the pickle")
        for key in keys:
            storage = self._loaded[str(key)]
            start = at + _LENGTH.size
            at = start + storage.nbytes()
            if at > len(data) or _LENGTH.unpack_from(data, start - _LENGTH.size) != (len(storage),):
                raise RuntimeError(f"{self._name}: storage {key} is damaged or cut short")
            part = np.frombuffer(data, np.uint8, storage.nbytes(), start).copy()
            contents = UntypedStorage.of(part)
            if swap and len(storage):
                contents.byteswap(storage.dtype)
            storage.untyped().copy_(contents)
