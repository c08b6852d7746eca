"""`save`: write an object so that `load`, here or in PyTorch, reads it."""

from __future__ import annotations

import io
import os
import pickle
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import legacy
from .writer import StorageTable, bytes_of, make_pickler
from .zip_writer import ZipWriter

DEFAULT_PROTOCOL = 2


def save(
    obj: object,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Save an object to a file that `load` reads, here and in PyTorch.

    Tensors, containers and numbers are read by anybody; modules and other Python objects need
    their classes where the file is loaded, so that the `state_dict()` of a module is the better
    thing to save. Tensors that share memory share it again after loading.

    A path is replaced in one step once everything is written: a program that is killed while it
    saves leaves the old file.

    Args:
        obj: what to save.
        f: a path, or a binary file to write to.
        pickle_module: the module whose Pickler is used.
        pickle_protocol: the protocol of the pickle.

    Raises:
        RuntimeError: the directory does not exist, or two tensors of different dtype share memory.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> rushlight.save({"step": 3, "weight": rushlight.zeros(2)}, file)
        >>> _ = file.seek(0)
        >>> rushlight.load(file)["step"]
        3
    """
    if isinstance(f, (str, os.PathLike)):
        path = os.fspath(f)
        folder = os.path.splitext(os.path.basename(path))[0]
        target: Any = replacing(path)
    elif hasattr(f, "write"):
        folder, target = "archive", _left_open(f)
    else:
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    with target as file:
        if _use_new_zipfile_serialization:
            folder = folder if folder.isascii() and folder else "archive"
            _write_zip(obj, ZipWriter(file, folder), pickle_module, pickle_protocol,
                       _disable_byteorder_record)  # fmt: skip
        else:
            legacy.save(obj, file, pickle_module, pickle_protocol)


def _write_zip(
    obj: object, archive: ZipWriter, pickle_module: Any, protocol: int, omit_byte_order: bool
) -> None:
    table = StorageTable(lambda *reference: reference)
    pickled = io.BytesIO()
    make_pickler(pickle_module, pickled, protocol, table).dump(obj)
    archive.write("data.pkl", pickled.getbuffer())
    archive.write(".format_version", b"1")
    archive.write(".storage_alignment", b"64")
    if not omit_byte_order:
        archive.write("byteorder", sys.byteorder.encode())
    for key, storage in table.storages.items():
        archive.write(f"data/{key}", bytes_of(storage))
    archive.write("version", b"3\n")
    archive.close()


@contextmanager
def _left_open(file: Any) -> Iterator[Any]:
    yield file
    if hasattr(file, "flush"):
        file.flush()


@contextmanager
def replacing(path: str) -> Iterator[Any]:
    """Open a file for writing that takes the place of `path` when the block ends without error.

    Raises:
        RuntimeError: the directory does not exist.
    """
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise RuntimeError(f"Parent directory {directory} does not exist.")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:  # a pipe or a device cannot be replaced
            yield file
        return
    temporary = os.path.join(directory, f".{os.path.basename(path)[:200]}.{os.urandom(4).hex()}")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _sync_directory(directory)


def _sync_directory(directory: str) -> None:
    """Make sure that a renamed file keeps its name if the machine loses power now."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
