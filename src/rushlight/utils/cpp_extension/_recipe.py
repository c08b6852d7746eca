"""What is to be built: sources, flags, and the plan made of them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

CPP_SUFFIXES = (".cpp", ".cc", ".cxx", ".C")
CUDA_SUFFIXES = (".cu", ".cuh")


@dataclass(frozen=True)
class Source:
    """One source of an extension.

    Attributes:
        path: the file, absolute; for text that is in no file, a name.
        language: `"c++"` or `"cuda"`.
        text: its content.
        is_file: whether `path` names a file.
    """

    path: str
    language: str
    text: str
    is_file: bool = True

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Source:
        """Read a source file; its suffix tells the language.

        Raises:
            FileNotFoundError: there is no such file.
        """
        absolute = os.path.abspath(path)
        language = "cuda" if absolute.endswith(CUDA_SUFFIXES) else "c++"
        try:
            with open(absolute, encoding="utf-8", errors="surrogateescape") as file:
                return cls(absolute, language, file.read())
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, "no such source file", os.fspath(path)) from None


@dataclass
class Recipe:
    """All that decides what is built.

    Attributes:
        name: the extension's name, an identifier.
        sources: what to compile.
        directory: where the result is kept.
        cflags: the user's flags for C++, include directories among them.
        cuda_cflags: the user's flags for CUDA.
        ldflags: the user's flags for the linker.
        with_cuda: whether C++ sources, too, find CUDA's headers; they do beside CUDA sources.
        verbose: whether to print commands and times.
        keep_intermediates: whether object files are kept for the next build.
        use_pch: whether to precompile torch's header before anything else.
        snippets: texts by the names under which they stand in `#line` directives.
    """

    name: str
    sources: list[Source]
    directory: Path
    cflags: list[str] = field(default_factory=list)
    cuda_cflags: list[str] = field(default_factory=list)
    ldflags: list[str] = field(default_factory=list)
    with_cuda: bool | None = None
    verbose: bool = False
    keep_intermediates: bool = True
    use_pch: bool = False
    snippets: dict[str, str] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Print a line if the user wants to know."""
        if self.verbose:
            print(f"[{self.name}] {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Unit:
    """A source and the command that compiles it.

    Attributes:
        source: the source.
        command: the compiler and its flags.
        key: the digest of all that is known before the compiler has run.
        includes: flags for headers that the source relies on without including them.
        is_emulated: whether it is CUDA for the host's compiler.
    """

    source: Source
    command: tuple[str, ...]
    key: str
    includes: tuple[str, ...] = ()
    is_emulated: bool = False


@dataclass(frozen=True)
class Plan:
    """The units of a library, and how their objects are linked.

    Attributes:
        units: what to compile.
        linker: the linker and the flags before the objects.
        ldflags: the flags after them.
        key: the digest of all but the objects.
        world: what everything depends on: compiler, headers, environment.
        can_precompile: whether the compiler takes precompiled headers the way GCC does.
    """

    units: list[Unit]
    linker: tuple[str, ...]
    ldflags: tuple[str, ...]
    key: str
    world: tuple[str, ...]
    can_precompile: bool
