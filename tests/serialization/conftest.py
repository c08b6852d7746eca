"""What the serialization tests share: archives made by hand, and comparing whatever was loaded."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rushlight as rl
from rushlight.backend.storage import UntypedStorage
from rushlight.serialization import load, save
from rushlight.serialization.zip_writer import ZipWriter

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def golden() -> Callable[[str], bytes]:
    """Read a file that PyTorch has written."""
    return lambda name: (GOLDEN / name).read_bytes()


@pytest.fixture(scope="session")
def archive() -> Callable[..., io.BytesIO]:
    """Build a checkpoint around a pickle, with storages by key."""

    def build(
        pickled: bytes, storages: dict[str, bytes] | None = None, **entries: bytes
    ) -> io.BytesIO:
        file = io.BytesIO()
        writer = ZipWriter(file, "archive")
        entries = {"byteorder": sys.byteorder.encode(), "version": b"3\n"} | entries
        writer.write("data.pkl", pickled)
        for key, contents in (storages or {}).items():
            writer.write(f"data/{key}", contents)
        for name, contents in entries.items():
            writer.write(name, contents)
        writer.close()
        file.seek(0)
        return file

    return build


def _same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, rl.Tensor):
        flags = (a.requires_grad, a.dtype, a.shape) == (b.requires_grad, b.dtype, b.shape)
        return flags and a.array.tobytes() == b.array.tobytes()
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, UntypedStorage):
        return a.tolist() == b.tolist()
    return bool(a == b)


@pytest.fixture(scope="session")
def same() -> Callable[[Any, Any], bool]:
    """Compare two loaded objects to the bit, types and flags included."""
    return _same


@pytest.fixture(scope="session")
def copied() -> Callable[..., Any]:
    """Save an object to memory and load it again."""

    def copy(obj: Any, **options: Any) -> Any:
        file = io.BytesIO()
        save(obj, file, **options)
        file.seek(0)
        return load(file)

    return copy
