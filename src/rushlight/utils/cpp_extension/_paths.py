"""Where headers, toolkits and built extensions lie."""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

import rushlight

PACKAGE = Path(rushlight.__file__).resolve().parent
HEADERS = PACKAGE / "include"

# Extensions of interpreters that cannot load each other's live in directories of their own.
PYTHON_ABI = f"py{sys.version_info.major}{sys.version_info.minor}{getattr(sys, 'abiflags', '')}"


def find_cuda_home() -> str | None:
    """Return the CUDA toolkit's directory: CUDA_HOME, CUDA_PATH, nvcc's, the usual places."""
    named = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    if named:
        return named
    nvcc = shutil.which("nvcc")
    above = [os.path.dirname(os.path.dirname(os.path.realpath(nvcc)))] if nvcc is not None else []
    # The nvcc on the path may be a script that calls one elsewhere.
    versions = sorted(glob.glob("/usr/local/cuda-*"), key=_numbers, reverse=True)
    usual = ["/usr/local/cuda", *versions]
    for home in [*above, *usual]:
        if os.path.exists(os.path.join(home, "include", "cuda_runtime.h")):
            return home
    return above[0] if above else None


def _numbers(path: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path)]


def include_paths(device_type: str = "cpu", torch_include_dirs: bool = True) -> list[str]:
    """Return the directories in which an extension's headers are found.

    Args:
        device_type: `"cuda"` adds the CUDA toolkit's headers, where there is a toolkit.
        torch_include_dirs: whether to name the directory of `torch/extension.h`.

    Returns:
        Directories for `-I`.

    Example:
        >>> from rushlight.utils.cpp_extension import include_paths
        >>> len(include_paths())
        1
    """
    paths = [str(HEADERS)] if torch_include_dirs else []
    home = find_cuda_home() if device_type == "cuda" else None
    if home is not None and home != "/usr":  # compilers do not want /usr/include named
        paths.append(os.path.join(home, "include"))
    return paths


def library_paths(
    device_type: str = "cpu",
    torch_include_dirs: bool = True,
    cross_target_platform: str | None = None,
) -> list[str]:
    """Return the directories of the libraries an extension is linked with.

    Args:
        device_type: `"cuda"` adds the CUDA toolkit's libraries, where there is a toolkit.
        torch_include_dirs: whether to name rushlight's directory.
        cross_target_platform: accepted and not used.

    Returns:
        Directories for `-L`.

    Note:
        rushlight has no library to link with: its headers call the interpreter that loads the
        extension.

    Example:
        >>> from rushlight.utils.cpp_extension import library_paths
        >>> len(library_paths())
        1
    """
    paths = [str(PACKAGE)] if torch_include_dirs else []
    home = find_cuda_home() if device_type == "cuda" else None
    if home is not None:
        lib64 = os.path.join(home, "lib64")
        paths.append(lib64 if os.path.isdir(lib64) else os.path.join(home, "lib"))
    return paths


def get_default_build_root() -> str:
    """Return the directory under which extensions are built and kept.

    `~/.cache/rushlight/extensions`, or what XDG_CACHE_HOME says in place of `~/.cache`. The
    environment variables TORCH_EXTENSIONS_DIR and RUSHLIGHT_EXTENSIONS_DIR come before it.

    Returns:
        A path, which need not exist yet.

    Example:
        >>> from rushlight.utils.cpp_extension import get_default_build_root
        >>> get_default_build_root().endswith("extensions")
        True
    """
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "rushlight", "extensions")


def extension_directory(name: str, build_directory: str | os.PathLike[str] | None) -> Path:
    """Return where the extension `name` is kept."""
    if build_directory is not None:
        return Path(build_directory).absolute()
    root = os.environ.get("RUSHLIGHT_EXTENSIONS_DIR") or os.environ.get("TORCH_EXTENSIONS_DIR")
    if root:
        return Path(root).absolute() / name
    return Path(get_default_build_root()) / PYTHON_ABI / name


def remove_extension_h_precompiler_headers() -> None:
    """Remove precompiled headers. They are made again when they are wanted.

    Example:
        >>> from rushlight.utils import cpp_extension
        >>> cpp_extension.remove_extension_h_precompiler_headers()  # doctest: +SKIP
    """
    shutil.rmtree(extension_directory("precompiled", None), ignore_errors=True)


def python_headers() -> str:
    """Return the directory of Python.h.

    Raises:
        RuntimeError: Python's headers are not installed.
    """
    directory = sysconfig.get_path("include")
    if not os.path.exists(os.path.join(directory, "Python.h")):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise RuntimeError(
            f"building an extension needs Python's headers, and {directory}/Python.h does not "
            f"exist: install python{version}-dev (Debian, Ubuntu) or python3-devel (Fedora)"
        )
    return directory
