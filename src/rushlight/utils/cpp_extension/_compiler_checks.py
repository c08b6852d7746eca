"""What a `setup.py` may ask about compilers and ninja."""

from __future__ import annotations

import os
import re
import shutil

from rushlight.utils.cpp_extension import _compiler


def get_cxx_compiler() -> str:
    """Return the command of the C++ compiler: CXX, or else c++."""
    return os.environ.get("CXX", "c++")


def check_compiler_is_gcc(compiler: str) -> bool:
    """Tell whether a command calls GCC.

    Args:
        compiler: the command, as in CXX.

    Example:
        >>> from rushlight.utils.cpp_extension import check_compiler_is_gcc
        >>> check_compiler_is_gcc("no-such-compiler")
        False
    """
    found = _compiler.resolve(compiler)
    return found is not None and not found.is_clang


def check_compiler_ok_for_platform(compiler: str) -> bool:
    """Tell whether a command calls a compiler that can build extensions.

    Args:
        compiler: the command, as in CXX.

    Example:
        >>> from rushlight.utils.cpp_extension import check_compiler_ok_for_platform
        >>> check_compiler_ok_for_platform("no-such-compiler")
        False
    """
    return _compiler.resolve(compiler) is not None


def get_compiler_abi_compatibility_and_version(compiler: str) -> tuple[bool, str]:
    """Return whether a compiler can build extensions, and its version.

    rushlight's headers are compiled into the extension itself, so any C++20 compiler will do.

    Args:
        compiler: the command, as in CXX.

    Example:
        >>> from rushlight.utils.cpp_extension import get_compiler_abi_compatibility_and_version
        >>> get_compiler_abi_compatibility_and_version("no-such-compiler")
        (False, '0.0.0')
    """
    found = _compiler.resolve(compiler)
    if found is None:
        return False, "0.0.0"
    match = re.search(r"\d+(\.\d+)+", _compiler.version_text(found))
    return True, match[0] if match else "0.0.0"


def is_ninja_available() -> bool:
    """Tell whether ninja is installed. rushlight does without."""
    return shutil.which("ninja") is not None


def verify_ninja_availability() -> None:
    """Do nothing: building an extension does not need ninja."""
