"""Reading IDX files, the format of MNIST: a big-endian header, then the values in C order."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class IdxError(RuntimeError):
    """A file is not what its IDX header says."""


def read_idx(path: str | Path) -> np.ndarray[Any, Any]:
    """Return the array in an IDX file, gzipped or not.

    Raises:
        IdxError: the file is truncated, damaged or no IDX file.
    """
    path = Path(path)
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise IdxError(f"{path}: damaged gzip file ({error}); download it again") from error
    if len(raw) < 4 or raw[0] or raw[1] or raw[2] not in _DTYPES:
        raise IdxError(f"{path}: no IDX file (its first bytes are {raw[:4].hex(' ') or 'missing'})")
    dtype, ndim = np.dtype(_DTYPES[raw[2]]), raw[3]
    header = 4 + 4 * ndim
    if len(raw) < header:
        raise IdxError(f"{path}: truncated within the header ({len(raw)} of {header} bytes)")
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", ndim, 4))
    # Python's integers: a damaged header must not overflow into a plausible size.
    expected = header + dtype.itemsize * int(np.prod([1, *shape], dtype=object))
    if len(raw) != expected:
        problem = "truncated" if len(raw) < expected else "longer than its header says"
        raise IdxError(f"{path}: {problem}: shape {shape} needs {expected} bytes, found {len(raw)}")
    array = np.frombuffer(raw, dtype, offset=header).reshape(shape)
    return array.astype(dtype.newbyteorder("="))
