"""Saving and loading: PyTorch's checkpoint files, both ways, and safetensors."""

import os
from collections.abc import Callable
from typing import IO, Any, TypeAlias

from ..backend.device import device as _device
from ._load import get_unsafe_globals_in_checkpoint, load
from ._save import DEFAULT_PROTOCOL, save
from .allowlist import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .legacy import MAGIC_NUMBER, PROTOCOL_VERSION
from .locations import default_restore_location, location_tag, register_package

# What `load` and `save` take, for annotations.
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
FILE_LIKE: TypeAlias = FileLike
MAP_LOCATION: TypeAlias = Callable[[Any, str], Any] | _device | str | dict[str, str] | None

__all__ = [
    "DEFAULT_PROTOCOL",
    "FILE_LIKE",
    "MAP_LOCATION",
    "FileLike",
    "MAGIC_NUMBER",
    "PROTOCOL_VERSION",
    "add_safe_globals",
    "clear_safe_globals",
    "default_restore_location",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "location_tag",
    "register_package",
    "safe_globals",
    "save",
]
