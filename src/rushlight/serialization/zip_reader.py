"""Read the ZIP archive of a checkpoint: entries stored as they are, under one folder.

The archive may come from anybody. Before anything is believed, the directory is checked: no name
twice, no compression, every entry inside the file and none overlapping another, the folder's
`data.pkl` and `version` there. Contents are checked against their CRC when they are read.
"""

from __future__ import annotations

import errno
import io
import mmap
import struct
import zipfile
import zlib
from collections import Counter
from typing import Any, BinaryIO

import numpy as np

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED, _UTF8 = 0x1, 0x800
_CHUNK = 1 << 18  # stays in the processor's cache between reading and checking
_ALIGNMENT = 64  # of what PyTorch and we write; anything else is copied rather than mapped
_SUPPORTED_VERSIONS = range(1, 11)


def is_zip(file: BinaryIO) -> bool:
    """Return whether a ZIP archive begins at the file's position."""
    start = file.tell()
    signature = file.read(4)
    file.seek(start)
    return signature == _SIGNATURE


class ZipReader:
    """The entries of one checkpoint.

    Args:
        file: a seekable binary file; the archive goes from its position to its end.
        name: what error messages call the file.
        mapped: read storages by mapping the file into memory; pages come from the disk when they
            are touched, and their CRC is not checked. The file must then be a real one.

    Raises:
        RuntimeError: the archive is damaged, or is not laid out as a checkpoint.
    """

    def __init__(self, file: BinaryIO, name: str, mapped: bool = False):
        self._file = file
        self._name = name
        self._origin = file.tell()
        self._length = file.seek(0, io.SEEK_END) - self._origin
        entries = self._directory()
        self._folder = self._check_names([entry.filename for entry in entries])
        self._entries = {entry.filename[len(self._folder) :]: entry for entry in entries}
        self._starts = self._locate(entries)
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if mapped else None
        self._check_version()

    def __enter__(self) -> ZipReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self._map = None  # arrays that look into the map keep it open

    def __contains__(self, entry: object) -> bool:
        return entry in self._entries

    def size(self, entry: str) -> int:
        """Return the number of bytes of an entry.

        Raises:
            RuntimeError: there is no such entry.
        """
        return self._info(entry).file_size

    def read(self, entry: str) -> bytes:
        """Return the contents of an entry."""
        return self._load(entry).tobytes()

    def read_storage(self, entry: str) -> np.ndarray[Any, Any]:
        """Return the contents of an entry as a writable array of bytes that owns its memory."""
        info = self._info(entry)
        start = self._origin + self._starts[info.filename]
        if self._map is None or start % _ALIGNMENT or not info.file_size:
            return self._load(entry)
        return np.frombuffer(self._map, dtype=np.uint8, count=info.file_size, offset=start)

    # --- checks of the directory ---

    def _fail(self, what: str) -> RuntimeError:
        return RuntimeError(f"{self._name}: failed reading zip archive: {what}")

    def _directory(self) -> list[zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(_Part(self._file, self._origin, self._length)) as archive:
                entries = archive.infolist()
        except Exception as error:
            # zipfile raises a dozen types for a damaged directory, struct.error among them.
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            raise self._fail(
                f"failed finding central directory ({error}); the file is cut short or damaged"
            ) from error
        return entries

    def _check_names(self, names: list[str]) -> str:
        if len(set(names)) != len(names):
            twice, _ = Counter(names).most_common(1)[0]
            raise self._fail(f"entry {twice!r} is there twice")
        folder = names[0].partition("/")[0] + "/" if names else ""
        for name in names:
            if not name.startswith(folder) or "\0" in name:
                raise self._fail(f"entry {name!r} is not in the folder {folder!r} of the others")
        if folder + "constants.pkl" in names:
            raise RuntimeError(
                f"{self._name}: TorchScript archives cannot be loaded; save the state_dict of the "
                "model instead"
            )
        for needed in ("data.pkl", "version"):
            if folder + needed not in names:
                raise self._fail(f"there is no entry {folder + needed!r}; not a checkpoint")
        return folder

    def _check_stored(self, entries: list[zipfile.ZipInfo]) -> None:
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                raise self._fail(
                    f"entry {entry.filename!r} is compressed, checkpoints store theirs"
                )
            if entry.flag_bits & _ENCRYPTED:
                raise self._fail(f"entry {entry.filename!r} is encrypted")

    def _locate(self, entries: list[zipfile.ZipInfo]) -> dict[str, int]:
        """Return where the contents of each entry begin, after comparing both of its headers."""
        self._check_stored(entries)
        starts, free = {}, 0
        for entry in sorted(entries, key=lambda entry: entry.header_offset):
            offset = entry.header_offset
            if not free <= offset <= self._length - _LOCAL_HEADER.size:
                raise self._fail(
                    f"entry {entry.filename!r} overlaps another or lies outside the file"
                )
            header = self._bytes(offset, _LOCAL_HEADER.size)
            signature, _, _, method, *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
            name = self._bytes(offset + _LOCAL_HEADER.size, name_length)
            encoding = "utf-8" if entry.flag_bits & _UTF8 else "cp437"
            if signature != _SIGNATURE or method or name != entry.orig_filename.encode(encoding):
                raise self._fail(f"entry {entry.filename!r} does not agree with its header")
            start = offset + _LOCAL_HEADER.size + name_length + extra_length
            free = start + entry.file_size
            if free > self._length:
                raise self._fail(f"entry {entry.filename!r} reaches beyond the end of the file")
            starts[entry.filename] = start
        return starts

    def _check_version(self) -> None:
        if "version" not in self._entries:
            return
        text = self.read("version").strip()
        version = int(text) if text.isdigit() and len(text) < 10 else 0
        if version not in _SUPPORTED_VERSIONS:
            raise self._fail(
                f"entry 'version' is {text[:20]!r}, expected a number from 1 to "
                f"{_SUPPORTED_VERSIONS[-1]}"
            )

    # --- contents ---

    def _info(self, entry: str) -> zipfile.ZipInfo:
        if entry not in self._entries:
            raise self._fail(f"there is no entry {self._folder + entry!r}")
        return self._entries[entry]

    def _bytes(self, offset: int, count: int) -> bytes:
        self._file.seek(self._origin + offset)
        return self._file.read(count)

    def _load(self, entry: str) -> np.ndarray[Any, Any]:
        info = self._info(entry)
        contents = np.empty(info.file_size, dtype=np.uint8)
        target = contents.data
        self._file.seek(self._origin + self._starts[info.filename])
        crc = filled = 0
        while filled < info.file_size:
            part = target[filled : filled + _CHUNK]
            count = _read_into(self._file, part)
            if not count:
                raise self._fail(f"entry {info.filename!r} is cut short")
            crc = zlib.crc32(part[:count], crc)
            filled += count
        if crc != info.CRC:
            raise self._fail(f"entry {info.filename!r} is damaged: its CRC-32 is wrong")
        return contents


def _read_into(file: Any, target: memoryview) -> int:
    if hasattr(file, "readinto"):
        return file.readinto(target) or 0
    data = file.read(len(target))
    target[: len(data)] = data
    return len(data)


class _Part:
    """The part of a file from `origin` on, for zipfile, which measures from the file's start."""

    def __init__(self, file: BinaryIO, origin: int, length: int):
        self._file, self._origin, self._length = file, origin, length

    def read(self, count: int = -1) -> bytes:
        return self._file.read(count)

    def tell(self) -> int:
        return self._file.tell() - self._origin

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._length}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "position before the start of the file")
        return self._file.seek(self._origin + base + offset) - self._origin
