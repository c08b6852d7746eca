"""Write the ZIP archive of a checkpoint in the layout that PyTorch's writer gives it.

Entries are stored as they are and their contents begin at multiples of 64 bytes, so that a
reader can map the file into memory. Sizes and checksums follow the contents: the file is written
in one go and need not be seekable.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, NamedTuple

_ALIGNMENT = 64
_UTF8_NAMES, _SIZES_FOLLOW = 0x0800, 0x0008
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LIMIT = 0xFFFFFFFF  # sizes and offsets from here on are kept in a ZIP64 field ...
_MARK = 0xFFFFFFFF  # ... and this stands in their usual place


class _Entry(NamedTuple):
    name: bytes
    crc: int
    size: int
    offset: int


class ZipWriter:
    """Writes entries into one folder of a new archive.

    Args:
        file: anything with a `write` method.
        folder: the folder's name.
    """

    def __init__(self, file: Any, folder: str):
        self._file = file
        self._folder = folder
        self._at = 0
        self._entries: list[_Entry] = []

    def write(self, name: str, contents: Any) -> None:
        """Add an entry; `contents` is bytes or anything that has a buffer of bytes."""
        data = memoryview(contents).cast("B")
        path = f"{self._folder}/{name}".encode()
        offset, crc = self._at, zlib.crc32(data)
        extra = _zip64_extra(data.nbytes, offset)
        # The contents must begin at an aligned offset; an extra field fills the gap.
        start = offset + _LOCAL.size + len(path) + len(extra) + 4
        extra += b"FB" + struct.pack("<H", -start % _ALIGNMENT) + b"Z" * (-start % _ALIGNMENT)
        header = (b"PK\x03\x04", 0, _flags(data.nbytes), 0, 0, 0, 0, 0, 0, len(path), len(extra))
        self._put(_LOCAL.pack(*header) + path + extra)
        if data.nbytes:
            self._put(data)
            wide = offset >= _LIMIT or data.nbytes >= _LIMIT
            sizes = struct.pack("<QQ" if wide else "<II", data.nbytes, data.nbytes)
            self._put(b"PK\x07\x08" + struct.pack("<I", crc) + sizes)
        self._entries.append(_Entry(path, crc, data.nbytes, offset))

    def close(self) -> None:
        """Write the directory that ends the archive; the file stays open."""
        self.write(".data/serialization_id", self._serialization_id())
        start = self._at
        for entry in self._entries:
            extra = _zip64_extra(entry.size, entry.offset)
            size = _short(entry.size)
            lengths = (len(entry.name), len(extra))
            header = (b"PK\x01\x02", 0, 0, _flags(entry.size), 0, 0, 0, entry.crc, size, size)
            record = _CENTRAL.pack(*header, *lengths, 0, 0, 0, 0, _short(entry.offset))
            self._put(record + entry.name + extra)
        self._end(start, self._at - start)

    def _end(self, start: int, length: int) -> None:
        count, here = len(self._entries), self._at
        sizes = (count, count, length, start)
        end = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 0x031E, 45, 0, 0, *sizes)
        end += struct.pack("<4sIQI", b"PK\x06\x07", 0, here, 1)
        short = min(count, 0xFFFF)
        small = (_short(length), _short(start))
        self._put(end + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, short, short, *small, 0))

    def _put(self, data: Any) -> None:
        self._file.write(data)
        self._at += len(data)

    def _serialization_id(self) -> bytes:
        """Return forty digits made of the names and the contents."""
        names = zlib.crc32(b"".join(entry.name for entry in self._entries))
        crcs = zlib.crc32(b"".join(entry.crc.to_bytes(4, "little") for entry in self._entries))
        return f"{names:020d}{crcs:020d}".encode()


def _short(number: int) -> int:
    return _MARK if number >= _LIMIT else number


def _flags(size: int) -> int:
    return _UTF8_NAMES | (_SIZES_FOLLOW if size else 0)


def _zip64_extra(size: int, offset: int) -> bytes:
    fields = [size, size] if size >= _LIMIT else []
    fields += [offset] if offset >= _LIMIT else []
    return struct.pack(f"<2H{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
