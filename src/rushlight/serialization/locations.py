"""Where storages are loaded to: the device a file names, and what `map_location` makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..backend.array import module_for
from ..backend.device import device
from ..backend.storage import UntypedStorage


def location_tag(storage: UntypedStorage) -> str:
    """Return the name that a file gives the device of a storage: 'cpu' or 'cuda:0'.

    Raises:
        RuntimeError: no package has a name for it.
    """
    for package in _packages:
        tag = package.tagger(storage)
        if tag is not None:
            return tag
    raise RuntimeError(f"don't know how to determine data location of {type(storage).__name__}")


def default_restore_location(storage: UntypedStorage, location: str) -> UntypedStorage:
    """Return a storage moved to the device that a file names.

    Raises:
        RuntimeError: the device is of an unknown type or is not available here.
    """
    for package in _packages:
        restored = package.deserializer(storage, location)
        if restored is not None:
            return restored
    return storage.to(device=_available(location))


class _Package(NamedTuple):
    priority: int
    tagger: Callable[[Any], str | None]
    deserializer: Callable[[Any, str], Any]


def _of_type(kind: str) -> tuple[Callable[[Any], str | None], Callable[[Any, str], Any]]:
    def tag(storage: Any) -> str | None:
        return str(storage.device) if storage.device.type == kind else None

    def restore(storage: Any, location: str) -> Any:
        named = location.partition(":")[0] == kind
        return storage.to(device=_available(location)) if named else None

    return tag, restore


_packages = [_Package(10, *_of_type("cpu")), _Package(20, *_of_type("cuda"))]


def register_package(
    priority: int,
    tagger: Callable[[Any], str | None],
    deserializer: Callable[[Any, str], Any],
) -> None:
    """Add a device, or other places for storages, to what `save` and `load` know.

    Args:
        priority: packages are asked in this order; the CPU's has 10, CUDA's 20.
        tagger: returns the name of a storage's place, or None.
        deserializer: returns the storage moved to a named place, or None.
    """
    _packages.append(_Package(priority, tagger, deserializer))
    _packages.sort(key=lambda package: package.priority)


def _available(location: str) -> device:
    try:
        where = device(location)
    except RuntimeError:
        where = None
    if where is None or where.type not in ("cpu", "cuda"):
        raise RuntimeError(
            "don't know how to restore data location of torch.storage.UntypedStorage (tagged with "
            f"{location}); use map_location to load it to another device"
        )
    try:
        module_for(where)
    except (AssertionError, ImportError) as error:
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU."
        ) from error
    return where


class Locations:
    """Applies one `map_location` to the storages of a file.

    Args:
        map_location: None (the device named in the file), a device or its name, a dict from
            names in the file to other names, or a function of a storage (on the CPU) and its
            name that returns the storage to use, or None for the default.

    Raises:
        TypeError: `map_location` is none of these.
    """

    def __init__(self, map_location: Any = None):
        if not (map_location is None or callable(map_location)):
            if isinstance(map_location, bytes):
                map_location = map_location.decode()
            if not isinstance(map_location, (str, device, dict)):
                raise TypeError(
                    "load: expected map_location to be None, a device, a str, a dict or a "
                    f"function, got {type(map_location).__name__}"
                )
        self._map = map_location

    def restore(self, storage: UntypedStorage, location: str) -> UntypedStorage:
        """Return the storage at the place it is to be loaded to."""
        if callable(self._map):
            moved = self._map(storage, location)
            if moved is not None:
                return _untyped(moved)
            return default_restore_location(storage, location)
        return default_restore_location(storage, self.target(location))

    def target(self, location: str) -> str:
        """Return the name of the device that takes the place of the one named in the file."""
        if isinstance(self._map, dict):
            return str(self._map.get(location, location))
        if self._map is None:
            return location
        if callable(self._map):
            raise RuntimeError(
                "Callable map_location not supported with _rebuild_device_tensor_from_numpy"
            )
        return str(self._map)

    def place(self, location: str) -> device:
        """Return the device for tensors that the file stores without a storage of their own."""
        return _available(self.target(location))


def _untyped(storage: Any) -> UntypedStorage:
    to_untyped: Callable[[], UntypedStorage] | None = getattr(storage, "untyped", None)
    if to_untyped is None:
        raise TypeError(
            f"load: map_location must return a storage or None, got {type(storage).__name__}"
        )
    return to_untyped()
