"""`load`: read what `save` has written, here or in PyTorch."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pickle import UnpicklingError
from typing import Any, BinaryIO

from ..backend.device import device
from ..backend.storage import TypedStorage, UntypedStorage
from . import legacy, safetensors
from .allowlist import Allowlist
from .limits import Budget
from .locations import Locations
from .opcodes import instructions
from .rebuild import TensorBuilder
from .storage_types import checked_reference
from .trusting import trusting_unpickler
from .unpickler import SafeUnpickler
from .zip_reader import ZipReader, is_zip

_YES = ("1", "y", "yes", "true")


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Load an object that `save` has written, here or in PyTorch.

    By default only tensors, numbers, strings, containers and what `add_safe_globals` allows are
    loaded, by a reader that runs no code from the file.

    Args:
        f: a path, or a seekable binary file. A path that ends in `.safetensors` is read as such.
        map_location: where the tensors go: None (the device they were saved from), a device or
            its name, a dict from saved names to others, or a function of a storage and its
            saved name.
        pickle_module: the module that unpickles with `weights_only=False` (default: pickle).
        weights_only: False runs the pickle in the file as the program it is. Only for files that
            you trust: it can do anything you can.
        mmap: map the file into memory instead of reading it; needs a path.
        pickle_load_args: for the `pickle_module`'s Unpickler.

    Raises:
        UnpicklingError: the file holds something that is not allowed, or its pickle is damaged.
        RuntimeError: the archive is damaged or no checkpoint, or a device is not available.

    Note:
        The environment variable that makes PyTorch load unsafely by default has no effect.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> rushlight.save({"weight": rushlight.ones(2)}, file)
        >>> _ = file.seek(0)
        >>> rushlight.load(file)
        {'weight': tensor([1., 1.])}
    """
    if os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "").lower() in _YES:
        weights_only = True
    elif weights_only is None:
        weights_only = pickle_module is None
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if weights_only and pickle_load_args:
        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    if _is_path(f) and os.fspath(f).endswith(".safetensors"):
        return safetensors.load_file(f, device=_device_for_safetensors(map_location))
    if mmap and not _is_path(f):
        raise ValueError("f must be a file path in order to use the mmap argument")
    with _opened(f) as (file, name):
        budget = Budget(_size_of(file))
        locations = Locations(map_location)
        job = _Job(name, locations, budget, weights_only, pickle_module, pickle_load_args)
        if is_zip(file):
            with ZipReader(file, name, mapped=bool(mmap)) as archive:
                return job.load_zip(archive)
        if mmap:
            raise RuntimeError(
                "mmap can only be used with files saved with "
                "`torch.save(_use_new_zipfile_serialization=True)`"
            )
        return job.load_legacy(file)


class _Job:
    """One call of `load`."""

    def __init__(
        self, name: str, locations: Locations, budget: Budget, weights_only: bool,
        pickle_module: Any, pickle_load_args: dict[str, Any],
    ):  # fmt: skip
        self._name = name
        self._locations = locations
        self._weights_only = weights_only
        self._pickle_module = pickle_module
        self._arguments = {"encoding": "utf-8"} | pickle_load_args
        self._budget = budget
        self._builder = TensorBuilder(locations.place, budget)

    def load_zip(self, archive: ZipReader) -> Any:
        storages = _ZipStorages(archive, self._locations, self._name)
        result, _ = self.unpickle(archive.read("data.pkl"), storages.load)
        return result

    def load_legacy(self, file: BinaryIO) -> Any:
        late: list[Callable[[], None]] = []
        self._builder.late = late
        result = legacy.load(file.read(), self._name, self._locations, self.unpickle)
        for work in late:
            work()
        return result

    def unpickle(
        self, data: bytes, persistent_load: Callable[[Any], Any] | None = None, start: int = 0
    ) -> tuple[Any, int]:
        """Return the object of the pickle at `start` and the position behind it."""
        if not self._weights_only:
            file = io.BytesIO(data)
            file.seek(start)
            load = trusting_unpickler(
                self._pickle_module, file, self._builder, persistent_load, self._arguments
            )
            return load(), file.tell()
        allowlist = Allowlist(self._builder, self._budget)
        machine = SafeUnpickler(
            data, allowlist, persistent_load, self._arguments["encoding"], start
        )
        try:
            return machine.load(), machine.end
        except UnpicklingError as error:
            raise UnpicklingError(_explained(str(error), self._name)) from error.__cause__


class _ZipStorages:
    """Reads the storages of an archive as its pickle asks for them, each once."""

    def __init__(self, archive: ZipReader, locations: Locations, name: str):
        self._archive = archive
        self._locations = locations
        self._name = name
        self._loaded: dict[str, UntypedStorage] = {}
        self._swap = self._byte_order() != sys.byteorder

    def _byte_order(self) -> str:
        # Files from before PyTorch 2.1 do not say; they were written little-endian.
        order = self._archive.read("byteorder") if "byteorder" in self._archive else b"little"
        if order not in (b"little", b"big"):
            raise RuntimeError(f"{self._name}: Unknown endianness type: {order[:20]!r}")
        return order.decode()

    def load(self, reference: tuple[Any, ...]) -> TypedStorage:
        """Return the storage that a pickle refers to.

        Raises:
            UnpicklingError: the reference is malformed or does not fit the archive's entry.
        """
        kind, key, location, count = checked_reference(reference, 4)
        entry = f"data/{key}"
        expected, actual = count * kind.dtype.itemsize, self._archive.size(entry)
        if expected != actual:
            raise UnpicklingError(
                f"storage {key}: the pickle says {count} elements of {kind.dtype} ({expected} "
                f"bytes), the archive's entry {entry!r} has {actual} bytes"
            )
        if key not in self._loaded:
            storage = UntypedStorage.of(self._archive.read_storage(entry))
            if self._swap and actual:
                storage.byteswap(kind.dtype)
            self._loaded[key] = self._locations.restore(storage, location)
        return TypedStorage(wrap_storage=self._loaded[key], dtype=kind.dtype)


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """Return the names in a checkpoint that `load` would refuse, without loading it.

    Args:
        f: a path or a seekable binary file, in the ZIP format.
    """
    with _opened(f) as (file, name):
        if not is_zip(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        with ZipReader(file, name) as archive:
            data = memoryview(archive.read("data.pkl"))
    budget = Budget(len(data))
    allowlist = Allowlist(TensorBuilder(Locations("cpu").place, budget), budget)
    return [
        name
        for name in dict.fromkeys(_globals_in(data))
        if not allowlist.knows(*name.rsplit(".", 1))
    ]


def _globals_in(data: memoryview) -> Iterator[str]:
    """Yield the full names of the globals of a pickle."""
    memo: dict[int, Any] = {}
    texts: list[Any] = []  # what STACK_GLOBAL would find on the stack, None for other objects
    for name, argument, _ in instructions(data):
        if name in ("PUT", "MEMOIZE"):
            memo[len(memo) if argument is None else argument] = texts[-1] if texts else None
        elif name == "GLOBAL":
            yield ".".join(argument)
        elif name == "STACK_GLOBAL":
            yield ".".join(map(str, texts[-2:]))
        else:
            known = memo.get(argument) if name == "GET" else argument
            texts.append(known if name in ("TEXT", "GET") else None)


def _explained(message: str, name: str) -> str:
    if "was not an allowed global" in message:
        advice = (
            "Load it with `weights_only=False` only if you trust where the file comes from: that "
            "runs whatever code the file holds. Otherwise allow the class or function that it asks "
            "for, as the next line says.\n\tWeightsUnpickler error: "
        )
    else:
        advice = "The file is damaged, or holds more than weights.\n\tWeightsUnpickler error: "
    return f"Weights only load failed. {name}: {advice}{message}"


def _size_of(file: BinaryIO) -> int:
    start = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(start)
    return end - start


def _is_path(f: Any) -> bool:
    return isinstance(f, (str, os.PathLike))


def _device_for_safetensors(map_location: Any) -> Any:
    if map_location is None:
        return "cpu"
    if isinstance(map_location, (str, device)):
        return map_location
    raise RuntimeError(
        f"Loading safetensors file with {type(map_location).__name__} map_location is not "
        "supported. Use a device string or torch.device instead."
    )


@contextmanager
def _opened(f: Any) -> Iterator[tuple[BinaryIO, str]]:
    if _is_path(f):
        with open(f, "rb") as file:
            yield file, os.fspath(f)
        return
    try:
        f.seek(f.tell())
    except (io.UnsupportedOperation, AttributeError) as error:
        raise type(error)(
            f"{error}. You can only torch.load from a file that is seekable. Please pre-load the "
            "data into a buffer like io.BytesIO and try to load from it instead."
        ) from error
    yield f, str(getattr(f, "name", "<buffer>"))
