"""The C++ compiler: finding it, the flags it gets, and how to know that it changed."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CANDIDATES = ("c++", "g++", "clang++")

# They change what a compiler does without standing in its command.
COMPILER_VARIABLES = (
    "CPATH", "CPLUS_INCLUDE_PATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH",
    "GCC_EXEC_PREFIX", "SDKROOT", "MACOSX_DEPLOYMENT_TARGET", "CCC_OVERRIDE_OPTIONS",
)  # fmt: skip

NO_COMPILER = """\
building an extension needs a C++ compiler, and none was found (looked for {looked}).
Install one:
  Debian, Ubuntu   apt install g++
  Fedora, RHEL     dnf install gcc-c++
  macOS            xcode-select --install
  conda            conda install -c conda-forge cxx-compiler
or name yours in the environment variable CXX."""


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler.

    Attributes:
        command: how it is called; several words where CXX says `ccache g++`.
        identity: changes when another compiler, or another version, takes its place.
    """

    command: tuple[str, ...]
    identity: str

    @functools.cached_property
    def is_clang(self) -> bool:
        """Whether it is a Clang; otherwise it takes GCC's flags."""
        program = self.command[-1 if is_launcher(self.command[0]) else 0]
        names = f"{os.path.basename(program)} {os.path.basename(os.path.realpath(program))}"
        if "clang" in names:
            return True
        if re.search(r"g\+\+|gcc", names) and sys.platform != "darwin":
            return False
        return "__clang__" in _answer(self, "-dM", "-E", "-x", "c++", os.devnull)


def is_launcher(program: str) -> bool:
    """Tell whether a program runs the compiler that is named behind it."""
    return os.path.basename(program) in ("ccache", "sccache", "distcc", "icecc")


def find_compiler(names: Iterable[str] = CANDIDATES) -> Compiler:
    """Return the compiler that CXX names, or else the first of the usual ones that is installed.

    Raises:
        RuntimeError: there is none.
    """
    named = os.environ.get("CXX")
    if named:
        found = resolve(named)
        if found is None:
            raise RuntimeError(
                f"the environment variable CXX names the compiler {named!r}, which does not exist"
            )
        return found
    for name in names:
        found = resolve(name)
        if found is not None:
            return found
    raise RuntimeError(NO_COMPILER.format(looked=", ".join(names)))


def resolve(call: str) -> Compiler | None:
    """Return the compiler a command calls, or None if there is no such program."""
    command = shlex.split(call)
    marks = []
    for position in range(len(command)):
        path = shutil.which(command[position])
        if path is None:
            return None
        command[position] = os.path.abspath(path)
        marks.append(_mark(path))
        if not is_launcher(path):
            return Compiler(tuple(command), " ".join(marks))
    return None


def _mark(program: str) -> str:
    """Return what tells a program from another one, and from its next version."""
    real = os.path.realpath(program)
    status = os.stat(real)
    return f"{real}:{status.st_size}:{status.st_mtime_ns}"


def version_text(compiler: Compiler) -> str:
    """Return what the compiler says of itself."""
    return _answer(compiler, "--version")


def _answer(compiler: Compiler, *arguments: str) -> str:
    import subprocess

    command = [*compiler.command, *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout


def environment_marks() -> list[str]:
    """Return the environment variables that change what a compiler does."""
    return [f"{name}={os.environ[name]}" for name in COMPILER_VARIABLES if name in os.environ]


def cpu_mark() -> str:
    """Return what `-march=native` means on this machine."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            wanted = ("model name", "flags", "Features")
            return "".join(sorted({line for line in lines if line.startswith(wanted)}))
    except OSError:
        import platform

        return f"{platform.machine()} {platform.processor()}"


def compile_flags(compiler: Compiler, name: str) -> list[str]:
    """Return the flags every source of the extension `name` gets, before the user's own."""
    flags = [
        "-std=c++20",
        # -O2 takes a quarter longer to compile and gains loops over tensors nothing; -O3 may.
        "-O1",
        "-fPIC",
        f"-DTORCH_EXTENSION_NAME={name}",
        "-DTORCH_API_INCLUDE_EXTENSION_H",
    ]
    if not compiler.is_clang:
        # Otherwise static data of inline functions is shared by all extensions of a process,
        # and by an extension with its own earlier version.
        flags.append("-fno-gnu-unique")
    return flags


def link_flags() -> list[str]:
    """Return the flags that make a shared library which Python can load."""
    if sys.platform == "darwin":
        return ["-bundle", "-undefined", "dynamic_lookup"]
    # A library calls its own functions, not those of its earlier version in the same process.
    return ["-shared", "-Wl,-Bsymbolic"]


def user_flags(flags: Sequence[str] | None) -> list[str]:
    """Return the words of a user's flags, with relative paths made absolute.

    A flag goes through a shell in torch, so `"-O3 -g"` is two flags there, and quotes are
    removed. The compiler does not run in the user's directory.
    """
    words = [word for flag in flags or () for word in _words(flag)]
    pairs = zip(["", *words], words, strict=False)
    return [_with_absolute_path(word, before) for before, word in pairs]


def _words(flag: str) -> list[str]:
    """Split a flag as a shell would; a path with spaces that exists stays whole."""
    match = _JOINED_PATH.fullmatch(flag)
    if os.path.exists(flag) or (match and os.path.exists(match[2])):
        return [flag]
    try:
        return shlex.split(flag)
    except ValueError:  # a quote that is not closed
        return [flag]


_JOINED_PATH = re.compile(r"(-I|-L)(.+)", re.DOTALL)
_BEFORE_PATH = {"-I", "-L", "-isystem", "-iquote", "-idirafter", "-include", "-imacros"}


def _with_absolute_path(word: str, before: str) -> str:
    joined = _JOINED_PATH.fullmatch(word)
    if joined is not None:
        return joined[1] + _absolute(joined[2])
    is_path = before in _BEFORE_PATH or not word.startswith("-")
    return _absolute(word) if is_path else word


def include_directories(flags: Sequence[str]) -> list[str]:
    """Return the directories that flags name for `#include`."""
    pairs = zip(["", *flags], flags, strict=False)
    return [
        word.removeprefix("-I") if word.startswith("-I") else word
        for before, word in pairs
        if before in ("-I", "-isystem") or (word.startswith("-I") and word != "-I")
    ]


def _absolute(path: str) -> str:
    """Make a path absolute where it names something; `-include vector` does not."""
    return os.path.abspath(path) if os.path.exists(path) else path


_TORCH_LIBRARIES = re.compile(r"-l(torch|torch_cpu|torch_cuda|torch_python|c10|c10_cuda)")


def without_torch_libraries(flags: Iterable[str]) -> list[str]:
    """Return the linker flags less torch's libraries, which do not exist here."""
    return [flag for flag in flags if not _TORCH_LIBRARIES.fullmatch(flag)]
