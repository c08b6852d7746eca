"""Event files: records with checksums, appended whole.

A record is its length (8 bytes), the length's checksum (4), the data, and the data's checksum (4).
The checksum is CRC-32C, rotated and offset so that a checksum of checksums stays meaningful.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import socket
import struct
import threading
import time
import weakref
from typing import Any

import numpy as np

from . import _proto

_POLYNOMIAL = 0x82F63B78
_ONES = 0xFFFFFFFF
_ROW = 256
_BLOCK = 1024 * _ROW
_serial = itertools.count()


def _after_zero_byte(crc: Any) -> Any:
    """Advance checksums by one zero byte."""
    return _STEP[crc & 255] ^ (crc >> 8)


def _make_step() -> np.ndarray[Any, Any]:
    """Return the checksum step for every value of a byte."""
    step: np.ndarray[Any, Any] = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        step = (step >> 1) ^ np.where(step & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return step


def _make_contributions() -> np.ndarray[Any, Any]:
    """Return what each byte value adds to the checksum of a row, by place in the row."""
    table = np.empty((_ROW, 256), np.uint32)
    table[-1] = _STEP
    for place in range(_ROW - 2, -1, -1):
        table[place] = _after_zero_byte(table[place + 1])
    return table.ravel()


def _advance_all(crc: np.ndarray[Any, Any]) -> list[Any]:
    """Return checksums after 0, 1, ... _ROW zero bytes."""
    advanced = [crc]
    for _ in range(_ROW):
        advanced.append(_after_zero_byte(advanced[-1]))
    return advanced


_STEP = _make_step()
_STEP_LIST: list[int] = _STEP.tolist()
_CONTRIBUTIONS = _make_contributions()
_PLACES = np.arange(_ROW) * 256
# The checksum starts with all bits set, which amounts to this much after so many bytes.
_START: list[int] = [int(crc[0]) for crc in _advance_all(np.array([_ONES], np.uint32))]
# What becomes of each of the four bytes of a checksum, for all values, in the course of a row.
_ROW_SHIFT: list[list[int]] = _advance_all(
    np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
)[-1].tolist()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) checksum of `data`.

    The checksum is linear: every byte adds (by exclusive or) something that depends on its value
    and its distance from the end only, so NumPy looks all of it up at once. A few bytes are
    faster one by one; long data is taken in rows.
    """
    if len(data) <= 32:
        crc = _ONES
        for byte in data:
            crc = _STEP_LIST[(crc ^ byte) & 255] ^ (crc >> 8)
        return crc ^ _ONES
    values = np.frombuffer(data, np.uint8)
    head = len(data) % _ROW
    found = _CONTRIBUTIONS.take(values[:head] + _PLACES[_ROW - head :])
    crc = int(np.bitwise_xor.reduce(found)) ^ _START[head]
    first, second, third, fourth = _ROW_SHIFT
    for begin in range(head, len(data), _BLOCK):
        rows = values[begin : begin + _BLOCK].reshape(-1, _ROW)
        for row in np.bitwise_xor.reduce(_CONTRIBUTIONS.take(rows + _PLACES), axis=1).tolist():
            low = first[crc & 255] ^ second[crc >> 8 & 255]
            high = third[crc >> 16 & 255] ^ fourth[crc >> 24]
            crc = low ^ high ^ row
    return crc ^ _ONES


def _masked_crc(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@functools.lru_cache(maxsize=1024)
def _record_header(length: int) -> bytes:
    header = struct.pack("<Q", length)
    return header + _masked_crc(header)


def record(data: bytes) -> bytes:
    """Frame `data` as one record."""
    return _record_header(len(data)) + data + _masked_crc(data)


class EventFile:
    """A file that records are appended to, each of them whole.

    Records wait in memory until there are `max_queue` of them or `flush_secs` have passed since
    the last write; what still waits is written at exit. After `close`, or in a forked child, the
    next record starts a new file.
    """

    def __init__(self, folder: str, max_queue: int, flush_secs: float, suffix: str):
        self._folder, self._suffix = folder, suffix
        self._max_queue, self._flush_secs = max_queue, flush_secs
        self._start()
        self._open()
        self.flush()
        _open_files.add(self)

    def _start(self) -> None:
        """Be without a file and without records."""
        self._lock = threading.RLock()
        self._pending: list[bytes] = []
        self._descriptor: int | None = None
        self._size = 0
        self._last_flush = time.monotonic()

    def _open(self) -> None:
        os.makedirs(self._folder, exist_ok=True)
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_serial)}"
        path = os.path.join(self._folder, f"events.out.tfevents.{name}{self._suffix}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor, self._size = os.open(path, flags, 0o666), 0
        version = _proto.double(1, time.time()) + _proto.blob(3, "brain.Event:2")
        self._pending.insert(0, record(version))

    def add(self, data: bytes) -> None:
        """Queue `data` as one record."""
        framed = record(data)
        with self._lock:
            if self._descriptor is None:
                self._open()
            self._pending.append(framed)
            overdue = time.monotonic() - self._last_flush >= self._flush_secs
            if overdue or len(self._pending) >= self._max_queue:
                self.flush()

    def flush(self) -> None:
        """Write the waiting records.

        Raises:
            OSError: they cannot be written; the file is then cut back to whole records and they
                stay in the queue.
        """
        with self._lock:
            if not self._pending or self._descriptor is None:
                return
            data = memoryview(b"".join(self._pending))
            written = 0
            try:
                while written < len(data):
                    written += os.write(self._descriptor, data[written:])
            except BaseException:
                os.ftruncate(self._descriptor, self._size)
                raise
            self._size += written
            self._pending.clear()
            self._last_flush = time.monotonic()

    def close(self) -> None:
        """Write the waiting records and close the file."""
        with self._lock:
            try:
                self.flush()
            finally:
                if self._descriptor is not None:
                    os.close(self._descriptor)
                    self._descriptor = None

    def __del__(self) -> None:
        self.close()


_open_files: weakref.WeakSet[EventFile] = weakref.WeakSet()


def _close_all() -> None:
    for file in list(_open_files):
        file.close()


def _after_fork() -> None:
    # The file and what waits for it are the parent's.
    for file in list(_open_files):
        if file._descriptor is not None:
            os.close(file._descriptor)
        file._start()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
