"""Protocol buffer wire format: the few field kinds that event files are made of.

A message is the concatenation of its fields, in any order. A field is a key (its number and how
its value is stored) and the value; a message inside a message is stored like a string of bytes.
"""

from __future__ import annotations

import functools
import math
import struct
from typing import Any

import numpy as np

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_pack_double = struct.Struct("<d").pack
_pack_single = struct.Struct("<f").pack


@functools.lru_cache(maxsize=4096)
def varint(n: int) -> bytes:
    """Store an integer in groups of seven bits; a negative one as its 64-bit two's complement."""
    if 0 <= n < 128:
        return n.to_bytes(1, "little")
    if n < 0:
        n += 1 << 64
    groups = bytearray()
    while n > 127:
        groups.append(n & 127 | 128)
        n >>= 7
    groups.append(n)
    return bytes(groups)


def integer(field: int, n: int) -> bytes:
    """Field of type int32, int64, bool or enum."""
    return varint(field << 3 | _VARINT) + varint(n)


def double(field: int, x: float) -> bytes:
    """Field of type double."""
    return varint(field << 3 | _FIXED64) + _pack_double(x)


def single(field: int, x: float) -> bytes:
    """Field of type float; what float32 cannot hold becomes infinite."""
    try:
        packed = _pack_single(x)
    except OverflowError:
        packed = _pack_single(math.copysign(math.inf, x))
    return varint(field << 3 | _FIXED32) + packed


def blob(field: int, data: bytes | str) -> bytes:
    """Field of type string, bytes or message."""
    if isinstance(data, str):
        data = data.encode()
    return varint(field << 3 | _BYTES) + varint(len(data)) + data


def packed(field: int, values: Any, dtype: str) -> bytes:
    """Repeated field of type double (`<f8`) or float (`<f4`)."""
    return blob(field, np.asarray(values).astype(dtype).tobytes())
