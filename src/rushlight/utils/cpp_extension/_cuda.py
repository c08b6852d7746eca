"""Who compiles CUDA sources: nvcc where there is a GPU, elsewhere the emulator's C++ compiler."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rushlight.utils.cpp_extension import _cache, _compiler, _paths

EMULATOR_HEADERS = _paths.HEADERS / "emulator"

# What nvcc compiles for if nothing names an architecture and no GPU is there to be asked: Ampere,
# with intermediate code (PTX) that the driver of any later GPU compiles.
DEFAULT_ARCHITECTURES = "8.0+PTX"

_NAMED_ARCHITECTURES = {
    "Turing": "7.5+PTX", "Ampere": "8.0;8.6+PTX", "Ada": "8.9+PTX", "Hopper": "9.0+PTX",
    "Blackwell": "10.0;12.0+PTX",
}  # fmt: skip


@dataclass(frozen=True)
class Toolchain:
    """How CUDA sources are compiled.

    Attributes:
        nvcc: the CUDA compiler; None for the emulator.
        flags: all of nvcc's flags, or what the host's compiler needs besides its own.
        ldflags: what the library is linked with.
    """

    nvcc: str | None
    flags: tuple[str, ...]
    ldflags: tuple[str, ...]


def toolchain(flags: Sequence[str] = (), *, debug: bool = False) -> Toolchain:
    """Choose how to compile CUDA sources.

    Args:
        flags: the user's flags for nvcc. The emulator takes those a host compiler understands.
        debug: emulate with every access to memory checked, as the environment variable
            RUSHLIGHT_CUDA_CHECK=1 and the flag -DRUSHLIGHT_CUDA_CHECK do.

    Raises:
        RuntimeError: there is a GPU, but no nvcc.
    """
    if is_emulated():
        return Toolchain(None, (*_emulator_flags(flags, debug),), ("-pthread",))
    nvcc = find_nvcc()
    if nvcc is None:
        raise RuntimeError(
            "CUDA sources for a GPU are compiled by nvcc, and none was found: install the CUDA "
            "toolkit or name its directory in CUDA_HOME. With RUSHLIGHT_CUDA_EMULATE=1 kernels run "
            "on the CPU."
        )
    libraries = os.path.join(os.path.dirname(os.path.dirname(nvcc)), "lib64")
    linked = (f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lcudart")
    return Toolchain(nvcc, (*_nvcc_flags(flags),), linked)


def is_emulated() -> bool:
    """Tell whether CUDA kernels run on the CPU: there is no GPU, or RUSHLIGHT_CUDA_EMULATE=1."""
    if os.environ.get("RUSHLIGHT_CUDA_EMULATE", "0") not in ("", "0"):
        return True
    from rushlight.backend.cuda import available

    return not available()


def find_nvcc() -> str | None:
    """Return the CUDA compiler: CUDA_HOME's, or the one on the path."""
    home = _paths.find_cuda_home()
    inside = os.path.join(home, "bin", "nvcc") if home else ""
    return inside if os.access(inside, os.X_OK) else shutil.which("nvcc")


def host_source(text: str, path: str, directories: Sequence[str] = ()) -> str:
    """Return C++ for the host that does what a CUDA source says; line numbers stay.

    Args:
        text: the source.
        path: its file; for text that is in no file, a name.
        directories: where `#include` looks, besides the directory of the file.
    """
    from rushlight.utils.cpp_extension import _cuda_include, _cuda_translate

    whole = _cuda_include.with_cuda_headers(text, path, directories)[0]
    translated = _cuda_translate.translate(whole)
    return f'#include <cuda_runtime.h>\n#line 1 "{path}"\n{translated}'


def translated_headers(text: str, path: str, directories: Sequence[str] = ()) -> list[str]:
    """Return the files whose content `host_source` puts into its result."""
    from rushlight.utils.cpp_extension import _cuda_include

    return _cuda_include.with_cuda_headers(text, path, directories)[1]


# ---- the emulator ----


def is_checked() -> bool:
    """Tell whether the environment asks for the debug mode."""
    return os.environ.get("RUSHLIGHT_CUDA_CHECK", "0") not in ("", "0")


def _emulator_flags(flags: Sequence[str], debug: bool) -> Iterable[str]:
    # The cache may be shared by machines with different processors.
    cpu = _cache.digest_of(_compiler.cpu_mark())
    yield from ("-I", str(EMULATOR_HEADERS), "-DRUSHLIGHT_CUDA_EMULATED=1", "-pthread")
    yield from ("-O3", "-march=native", f"-DRUSHLIGHT_CPU={cpu}")
    # Kernels look at memory as several types, and nothing on a GPU sets errno or traps.
    yield from ("-fno-strict-aliasing", "-fno-math-errno", "-fno-trapping-math")
    asked = [flag for flag in flags if flag.startswith("-DRUSHLIGHT_CUDA_CHECK")]
    yield from _understood_by_host([flag for flag in flags if flag not in asked])
    if debug or asked or is_checked():
        yield from check_flags(_compiler.find_compiler().is_clang)


def check_flags(is_clang: bool) -> list[str]:
    """Return the flags of the debug mode: the compiler calls us before each access to memory."""
    options = {"instrumentation-with-call-threshold": 0, "stack": 0, "globals": 1}
    flags = ["-DRUSHLIGHT_CUDA_CHECK=1", "-O0", "-g1", "-fsanitize=kernel-address"]
    for name, value in options.items():
        flags += (
            ["-mllvm", f"-asan-{name}={value}"] if is_clang else ["--param", f"asan-{name}={value}"]
        )
    return flags


_WITH_VALUE = ("-Xcompiler", "--compiler-options")
_DROPPED_WITH_VALUE = (
    "-gencode", "--generate-code", "-arch", "--gpu-architecture", "-code", "--gpu-code", "-Xptxas",
    "--ptxas-options", "-Xcudafe", "-Xnvlink", "-maxrregcount", "--maxrregcount", "-ccbin",
    "--compiler-bindir", "-diag-suppress", "--diag-suppress", "--default-stream", "-t", "--threads",
)  # fmt: skip
_HOST_WITH_VALUE = ("-I", "-isystem", "-iquote", "-include", "-D", "-U")
_HOST_PREFIXES = ("-D", "-U", "-I", "-isystem", "-std=", "-W", "-f", "-g1", "-g2", "-g3")


def _understood_by_host(flags: Sequence[str]) -> Iterable[str]:
    """Yield those of nvcc's flags that mean something to a C++ compiler."""
    waiting = iter(flags)
    for flag in waiting:
        if flag in _WITH_VALUE:
            yield from next(waiting, "").split(",")
        elif flag.startswith(tuple(f"{name}=" for name in _WITH_VALUE)):
            yield from flag.partition("=")[2].split(",")
        elif flag in _DROPPED_WITH_VALUE:
            next(waiting, None)
        elif flag in _HOST_WITH_VALUE:
            yield from (flag, next(waiting, ""))
        elif flag.startswith(_HOST_PREFIXES) or flag in ("-g", "-w", "-O0"):
            yield flag


# ---- nvcc ----


def _nvcc_flags(flags: Sequence[str]) -> Iterable[str]:
    if not any(flag.startswith(("-std", "--std")) for flag in flags):
        yield "-std=c++20"
    yield from ("-O3", "-Xcompiler", "-fPIC", "--expt-relaxed-constexpr")
    yield from architecture_flags(flags)
    yield from flags


def architecture_flags(flags: Sequence[str]) -> list[str]:
    """Return nvcc's flags for the architectures to compile for.

    In this order: those in `flags`, the environment variable TORCH_CUDA_ARCH_LIST, those of the
    visible GPUs, the default.

    Raises:
        ValueError: TORCH_CUDA_ARCH_LIST names no architecture.
    """
    if any(
        flag.startswith(("-gencode", "-arch", "--generate-code", "--gpu-arch")) for flag in flags
    ):
        return []
    wanted = os.environ.get("TORCH_CUDA_ARCH_LIST") or _visible() or DEFAULT_ARCHITECTURES
    for name, meaning in _NAMED_ARCHITECTURES.items():
        wanted = wanted.replace(name, meaning)
    result: list[str] = []
    for entry in wanted.replace(";", " ").split():
        number, _, rest = entry.partition("+")
        digits = number.replace(".", "")
        if not digits.rstrip("af").isdigit() or rest not in ("", "PTX"):
            raise ValueError(
                f"TORCH_CUDA_ARCH_LIST: {entry!r} is no architecture; expected such as '8.6', "
                f"'9.0+PTX' or one of {', '.join(_NAMED_ARCHITECTURES)}"
            )
        result += ["-gencode", f"arch=compute_{digits},code=sm_{digits}"]
        if rest:
            result += ["-gencode", f"arch=compute_{digits},code=compute_{digits}"]
    return result


def _visible() -> str:
    """Return the architectures of the GPUs this process can see; empty if there are none."""
    from rushlight.backend.cuda import device_count, properties

    found = {(gpu.major, gpu.minor) for gpu in map(properties, range(device_count()))}
    return ";".join(f"{major}.{minor}" for major, minor in sorted(found))
