"""The safetensors format: a JSON header that says where each tensor is, then the bytes.

Nothing in a file can run code; what is checked here is that the header describes the data
exactly: no gap, no overlap, no size that does not fit. The functions have the names and
behaviour of the `safetensors.torch` package, which is not needed.
"""

from __future__ import annotations

import json
import math
import os
import struct
import weakref
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .._tensor import Tensor, wrap
from ..backend import dtype as dtypes
from ..backend.array import to_device, to_numpy
from ..backend.device import as_device
from ..backend.dtype import dtype
from ..backend.storage import UntypedStorage
from ._save import replacing

_CODES = {
    "BOOL": dtypes.bool_, "U8": dtypes.uint8, "I8": dtypes.int8, "I16": dtypes.int16,
    "U16": dtypes.uint16, "F16": dtypes.float16, "BF16": dtypes.bfloat16, "I32": dtypes.int32,
    "U32": dtypes.uint32, "F32": dtypes.float32, "F64": dtypes.float64, "I64": dtypes.int64,
    "U64": dtypes.uint64, "C64": dtypes.complex64,
}  # fmt: skip
_CODE_OF = {d: code for code, d in _CODES.items()}
_LENGTH = struct.Struct("<Q")
_MAX_HEADER = 100_000_000


class SafetensorError(Exception):
    """A file is no valid safetensors file, or cannot be written as one."""


class _Slot(NamedTuple):
    """Where a tensor lies in a file: `start` counts from the end of the header."""

    dtype: dtype
    shape: tuple[int, ...]
    start: int
    stop: int


def save(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a safetensors file.

    Args:
        tensors: contiguous tensors that do not share memory, by name.
        metadata: texts to keep in the file's header.

    Raises:
        ValueError: a tensor is not contiguous, or `tensors` holds something else.
        RuntimeError: two tensors share memory, which the format cannot express.
    """
    return b"".join(_pieces(tensors, metadata))


def save_file(
    tensors: Mapping[str, Tensor],
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a safetensors file; an existing one is replaced in one step. See `save`."""
    with replacing(os.fspath(filename)) as file:
        for piece in _pieces(tensors, metadata):
            file.write(piece)


def load(data: bytes) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file given as bytes.

    Raises:
        SafetensorError: the bytes are no valid safetensors file.
    """
    slots, _, start = _parse(data[: _LENGTH.size + _MAX_HEADER], len(data))
    return {
        name: wrap(
            _shaped(
                np.frombuffer(data, np.uint8, slot.stop - slot.start, start + slot.start).copy(),
                slot,
            )
        )
        for name, slot in slots.items()
    }


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Tensor]:
    """Return the tensors of a safetensors file.

    Raises:
        SafetensorError: the file is no valid safetensors file.

    Example:
        >>> import tempfile, os
        >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
        >>> rushlight.serialization.safetensors.save_file({"bias": rushlight.ones(2)}, path)
        >>> rushlight.serialization.safetensors.load_file(path)
        {'bias': tensor([1., 1.])}
    """
    with safe_open(filename, device=device) as file:
        return {name: file.get_tensor(name) for name in file.offset_keys()}


class safe_open:
    """Opens a safetensors file to read some of its tensors.

    Args:
        filename: the file.
        framework: for the package's signature; tensors are always rushlight's.
        device: where the tensors go.

    Raises:
        SafetensorError: the file is no valid safetensors file.
    """

    def __init__(
        self, filename: str | os.PathLike[str], framework: str = "pt", device: Any = "cpu"
    ):
        self._device = as_device(device)
        self._file: BinaryIO = open(filename, "rb")
        # Programs often use it without a `with` block.
        weakref.finalize(self, self._file.close)
        try:
            size = os.fstat(self._file.fileno()).st_size
            head = self._file.read(_LENGTH.size)
            if len(head) == _LENGTH.size:
                head += self._file.read(min(_LENGTH.unpack(head)[0], _MAX_HEADER))
            self._slots, self._metadata, self._start = _parse(head, size)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def keys(self) -> list[str]:
        """Return the names of the tensors, in alphabetical order."""
        return sorted(self._slots)

    def offset_keys(self) -> list[str]:
        """Return the names of the tensors in the order of the file."""
        return list(self._slots)

    def metadata(self) -> dict[str, str] | None:
        """Return the texts kept in the header, or None if there are none."""
        return self._metadata

    def get_tensor(self, name: str) -> Tensor:
        """Return one tensor.

        Raises:
            SafetensorError: the file has no tensor of that name, or is cut short.
        """
        slot = self._slots.get(name)
        if slot is None:
            raise SafetensorError(f"File does not contain tensor {name}")
        contents = np.empty(slot.stop - slot.start, dtype=np.uint8)
        self._file.seek(self._start + slot.start)
        if _fill(self._file, contents) != contents.size:
            raise SafetensorError(f"tensor {name} is cut short")
        return wrap(to_device(_shaped(contents, slot), self._device))

    def get_slice(self, name: str) -> Any:
        """Return one tensor, of which a part can be taken by indexing."""
        return self.get_tensor(name)


def _fill(file: Any, contents: np.ndarray[Any, Any]) -> int:
    return int(file.readinto(contents.data))


def _shaped(contents: np.ndarray[Any, Any], slot: _Slot) -> np.ndarray[Any, Any]:
    return contents.view(slot.dtype.numpy).reshape(slot.shape)


def _pieces(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None) -> list[Any]:
    _check(tensors)
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata is not None else {}
    data: list[Any] = []
    at = 0
    # Wide elements first: then every tensor is aligned to its own elements.
    for name in sorted(tensors, key=lambda name: (-tensors[name].itemsize, name)):
        array = to_numpy(tensors[name].array)
        header[name] = {
            "dtype": _CODE_OF[tensors[name].dtype],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        data.append(array.reshape(-1).view(np.uint8).data)
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH.size)
    return [_LENGTH.pack(len(text)), text, *data]


def _check(tensors: Mapping[str, Tensor]) -> None:
    owners: dict[UntypedStorage, list[str]] = {}
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(
                f"Key `{name}` is invalid, expected torch.Tensor but received {type(tensor)}"
            )
        if tensor.dtype not in _CODE_OF:
            raise SafetensorError(f"tensor {name}: the format has no {tensor.dtype}")
        if not tensor.array.flags.c_contiguous:
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. "
                "Call `.contiguous()` on it before saving."
            )
        if tensor.array.size:
            owners.setdefault(UntypedStorage.of(tensor.array), []).append(name)
    shared = [set(names) for names in owners.values() if len(names) > 1]
    if shared:
        raise RuntimeError(
            f"Some tensors share memory, this will lead to duplicate memory on disk and potential "
            f"differences when loading them again: {shared}. Save a clone of one of each, or use "
            "`save`, which keeps the sharing."
        )


# --- reading ---


def _parse(head: bytes, file_size: int) -> tuple[dict[str, _Slot], dict[str, str] | None, int]:
    """Return the tensors' places in file order, the metadata, and where the data begins."""
    if len(head) < _LENGTH.size:
        raise SafetensorError("header too small: the file has fewer than 8 bytes")
    (length,) = _LENGTH.unpack_from(head)
    start = _LENGTH.size + length
    if length > _MAX_HEADER or start > file_size:
        raise SafetensorError(f"invalid header length: {length} bytes in a file of {file_size}")
    try:
        header = json.loads(head[_LENGTH.size : start], object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise SafetensorError(f"invalid header: {error}") from error
    if not isinstance(header, dict):
        raise SafetensorError("invalid header: expected a JSON object")
    metadata = header.pop("__metadata__", None)
    if metadata is not None and not (
        isinstance(metadata, dict) and all(isinstance(text, str) for text in metadata.values())
    ):
        raise SafetensorError("invalid header: __metadata__ must map texts to texts")
    slots = {name: _slot(name, entry) for name, entry in header.items()}
    slots = dict(sorted(slots.items(), key=lambda item: item[1][2:]))
    at = 0
    for name, slot in slots.items():
        if slot.start != at:
            raise SafetensorError(f"tensor {name}: invalid offset {slot.start}, expected {at}")
        at = slot.stop
    if start + at != file_size:
        raise SafetensorError(f"the tensors take {at} bytes, the file has {file_size - start}")
    return slots, metadata, start


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _slot(name: str, entry: Any) -> _Slot:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise SafetensorError(f"tensor {name}: expected dtype, shape and data_offsets")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in _CODES:
        raise SafetensorError(f"tensor {name}: unknown dtype {code!r:.40}")
    numbers_fit = (
        isinstance(shape, list)
        and isinstance(offsets, list)
        and len(offsets) == 2
        and len(shape) <= 64
        and all(map(_is_count, shape + offsets))
    )
    if not numbers_fit or offsets[1] - offsets[0] != math.prod(shape) * _CODES[code].itemsize:
        raise SafetensorError(f"tensor {name}: its shape, dtype and offsets do not fit together")
    return _Slot(_CODES[code], tuple(shape), offsets[0], offsets[1])
