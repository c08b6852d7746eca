"""Your own operators in C++ and CUDA: compiled when a program asks for them, and kept.

`load_inline` compiles strings, `load` files; `CppExtension`, `CUDAExtension` and `BuildExtension`
serve a `setup.py`. Names and arguments are torch's, and sources written against
`torch/extension.h` compile unchanged against rushlight's own headers.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from rushlight.utils.cpp_extension._compiler_checks import (
    check_compiler_is_gcc,
    check_compiler_ok_for_platform,
    get_compiler_abi_compatibility_and_version,
    get_cxx_compiler,
    is_ninja_available,
    verify_ninja_availability,
)
from rushlight.utils.cpp_extension._jit import load, load_inline
from rushlight.utils.cpp_extension._paths import (
    find_cuda_home,
    get_default_build_root,
    include_paths,
    library_paths,
    remove_extension_h_precompiler_headers,
)

if TYPE_CHECKING:
    from rushlight.utils.cpp_extension._setuptools import (
        BuildExtension,
        CppExtension,
        CUDAExtension,
        SyclExtension,
    )

__all__ = [
    "load",
    "load_inline",
    "CppExtension",
    "CUDAExtension",
    "SyclExtension",
    "BuildExtension",
    "include_paths",
    "library_paths",
    "get_default_build_root",
    "get_cxx_compiler",
    "get_compiler_abi_compatibility_and_version",
    "check_compiler_is_gcc",
    "check_compiler_ok_for_platform",
    "is_ninja_available",
    "verify_ninja_availability",
    "remove_extension_h_precompiler_headers",
]

# What a `setup.py` asks before it names its sources and flags.
CUDA_HOME = find_cuda_home()
CUDNN_HOME = os.environ.get("CUDNN_HOME") or os.environ.get("CUDNN_PATH")
ROCM_HOME = HIP_HOME = SYCL_HOME = None
IS_HIP_EXTENSION = False
IS_WINDOWS = sys.platform == "win32"
IS_MACOS = sys.platform == "darwin"
IS_LINUX = sys.platform.startswith("linux")
LIB_EXT = ".pyd" if IS_WINDOWS else ".so"
COMMON_NVCC_FLAGS = ["--expt-relaxed-constexpr"]

_SETUPTOOLS_NAMES = frozenset({"BuildExtension", "CppExtension", "CUDAExtension", "SyclExtension"})


def __getattr__(name: str) -> Any:
    if name in _SETUPTOOLS_NAMES:
        # setuptools takes a third of a second to import, and only a setup.py needs it.
        from rushlight.utils.cpp_extension import _setuptools

        return getattr(_setuptools, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
