"""Saving and loading: PyTorch's checkpoint files, both ways, and safetensors."""

from ._load import get_unsafe_globals_in_checkpoint, load
from ._save import DEFAULT_PROTOCOL, save
from .allowlist import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .legacy import MAGIC_NUMBER, PROTOCOL_VERSION
from .locations import default_restore_location, location_tag, register_package

__all__ = [
    "DEFAULT_PROTOCOL",
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
