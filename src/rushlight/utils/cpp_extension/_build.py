"""From sources to a shared library: what has to be compiled, compiling it, publishing it."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rushlight.utils.cpp_extension import _cache, _compiler, _errors, _paths
from rushlight.utils.cpp_extension._compiler import Compiler

CUDA_SUFFIXES = (".cu", ".cuh")


@dataclass(frozen=True)
class Source:
    """One source of an extension.

    Attributes:
        path: the file, absolute; for text that is in no file, the name that errors shall show.
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
        """Read a source file; its suffix tells the language."""
        absolute = os.path.abspath(path)
        language = "cuda" if absolute.endswith(CUDA_SUFFIXES) else "c++"
        try:
            with open(absolute, encoding="utf-8", errors="surrogateescape") as file:
                return cls(absolute, language, file.read())
        except FileNotFoundError as error:
            raise FileNotFoundError(
                error.errno, "load: no such source file", os.fspath(path)
            ) from None


@dataclass
class Recipe:
    """All that decides what is built.

    Attributes:
        name: the extension's name, an identifier.
        sources: what to compile.
        cflags: the user's flags for C++, absolute include directories among them.
        cuda_cflags: the user's flags for CUDA.
        ldflags: the user's flags for the linker.
        directory: where the result is kept.
        verbose: whether to print commands and times.
        keep_intermediates: whether object files are kept for the next build.
        snippets: texts by the names under which they stand in `#line` directives.
        explain: makes a better message of a compiler's, for generated parts of sources.
    """

    name: str
    sources: list[Source]
    cflags: list[str] = field(default_factory=list)
    cuda_cflags: list[str] = field(default_factory=list)
    ldflags: list[str] = field(default_factory=list)
    directory: Path = Path()
    verbose: bool = False
    keep_intermediates: bool = True
    snippets: dict[str, str] = field(default_factory=dict)
    explain: Callable[[str], str | None] = lambda output: None

    def say(self, text: str) -> None:
        """Print a line if the user wants to know."""
        if self.verbose:
            print(f"[{self.name}] {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Unit:
    """A source, and the command that compiles it."""

    source: Source
    command: tuple[str, ...]
    key: str


@dataclass(frozen=True)
class Plan:
    """The units of a library, and how their objects are linked."""

    units: list[Unit]
    linker: tuple[str, ...]
    ldflags: tuple[str, ...]
    link_key: str


def build(recipe: Recipe) -> Path:
    """Return the library made of a recipe, building what is not there yet.

    Raises:
        RuntimeError: there is no compiler, or it found errors.
    """
    plan = _plan(recipe)
    found = _find_library(recipe, plan, recipe.directory)
    if found is not None:
        recipe.say(f"nothing has changed: {found}")
        return found
    _paths.python_headers()
    directory = _cache.writable_directory(recipe.directory)

    def waiting() -> None:
        recipe.say(f"waiting for another process that builds in {directory}")

    with _cache.locked(directory, waiting):
        found = _find_library(recipe, plan, directory)
        return found or _build_locked(recipe, plan, directory)


def _plan(recipe: Recipe) -> Plan:
    compiler = _compiler.find_compiler()
    common = [
        *_compiler.compile_flags(compiler, recipe.name),
        "-isystem", str(_paths.HEADERS),
        "-isystem", sysconfig.get_path("include"),
    ]  # fmt: skip
    world = _world(compiler, [*recipe.cflags, *recipe.cuda_cflags])
    units = []
    ldflags = list(recipe.ldflags)
    for source in recipe.sources:
        command = [*compiler.command, *common, *recipe.cflags]
        if source.language == "cuda":
            source, command = _cuda_unit(recipe, source, command, ldflags)
        key = _cache.digest_of(*world, source.path, source.text, *command)
        units.append(Unit(source, tuple(command), key))
    linker = (*compiler.command, *_compiler.link_flags())
    link_key = _cache.digest_of(*world, recipe.name, *linker, *ldflags)
    return Plan(units, linker, tuple(ldflags), link_key)


def _cuda_unit(
    recipe: Recipe, source: Source, command: list[str], ldflags: list[str]
) -> tuple[Source, list[str]]:
    """Return a CUDA source as its toolchain wants it, and the command that compiles it."""
    from rushlight.utils.cpp_extension import _cuda

    toolchain = _cuda.toolchain(recipe.cuda_cflags)
    ldflags += [flag for flag in toolchain.ldflags if flag not in ldflags]
    if toolchain.nvcc is not None:
        includes = ["-I", str(_paths.HEADERS), "-I", sysconfig.get_path("include")]
        define = f"-DTORCH_EXTENSION_NAME={recipe.name}"
        return source, [toolchain.nvcc, define, *includes, *toolchain.flags]
    text = _cuda.host_source(source.text, source.path)
    beside = ["-iquote", os.path.dirname(source.path)] if source.is_file else []
    translated = Source(source.path, "cuda", text, is_file=False)
    return translated, [*command, *beside, *toolchain.flags]


def _world(compiler: Compiler, flags: Sequence[str]) -> list[str]:
    """Return what an object file depends on besides its source, its headers and its flags."""
    marks = [compiler.identity, _cache.digest_of_headers(), *_compiler.environment_marks()]
    marks += [sys.implementation.cache_tag or "", sysconfig.get_config_var("EXT_SUFFIX") or ""]
    if any(flag.endswith("=native") for flag in flags):
        marks.append(_compiler.cpu_mark())
    return marks


def _library_key(plan: Plan, object_keys: Sequence[str]) -> str:
    return _cache.digest_of(plan.link_key, *object_keys)


def _library_path(recipe: Recipe, directory: Path, key: str) -> Path:
    return directory / f"{recipe.name}-{key}.so"


def _find_library(recipe: Recipe, plan: Plan, directory: Path) -> Path | None:
    """Return the library if it has been built from just these sources, headers and flags."""
    cache = _cache.Cache(directory)
    keys = []
    for unit in plan.units:
        key = cache.object_key(unit.key)
        if key is None:
            return None
        keys.append(key)
    path = _library_path(recipe, directory, _library_key(plan, keys))
    return path if path.exists() else None


def _build_locked(recipe: Recipe, plan: Plan, directory: Path) -> Path:
    cache = _cache.Cache(directory)
    cache.remove_leftovers()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=_cache.TEMPORARY_PREFIX, dir=directory) as temporary:
        keys = _compile_all(recipe, plan, cache, Path(temporary))
        objects = [str(cache.object_path(key)) for key in keys]
        result = os.path.join(temporary, "result.so")
        _run(recipe, [*plan.linker, "-o", result, *objects, *plan.ldflags], temporary)
        library = _library_path(recipe, directory, _library_key(plan, keys))
        os.replace(result, library)
    _publish_plain_name(library, directory / f"{recipe.name}.so")
    cache.prune(recipe.name, recipe.keep_intermediates)
    recipe.say(f"built in {time.perf_counter() - began:.2f} s: {library}")
    return library


def _compile_all(recipe: Recipe, plan: Plan, cache: _cache.Cache, scratch: Path) -> list[str]:
    """Compile the units whose objects are not there, several at once; return the objects' names."""

    def compiled(unit: Unit) -> str:
        key = cache.object_key(unit.key)
        if key is not None and cache.object_path(key).exists():
            return key
        return _compile(recipe, unit, cache, scratch)

    with ThreadPoolExecutor(_jobs(len(plan.units))) as pool:
        try:
            return list(pool.map(compiled, plan.units))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _jobs(units: int) -> int:
    """Return how many compilers run at once: MAX_JOBS, or the cores this process may use."""
    limit = os.environ.get("MAX_JOBS", "")
    if limit.isdigit() and int(limit) > 0:
        return min(units, int(limit))
    affinity = getattr(os, "sched_getaffinity", None)
    return max(1, min(units, len(affinity(0)) if affinity else os.cpu_count() or 1))


def _compile(recipe: Recipe, unit: Unit, cache: _cache.Cache, scratch: Path) -> str:
    """Compile one unit in the scratch directory and move the object into the cache."""
    started = time.time()
    source = unit.source
    path = source.path
    if not source.is_file:
        path = f"{unit.key}.cpp"
        _write(scratch / path, source.text)
    object_file = scratch / f"{unit.key}.o"
    dependencies = scratch / f"{unit.key}.d"
    report = ["-MMD", "-MF", str(dependencies), "-c", path, "-o", str(object_file)]
    _run(recipe, [*unit.command, *report], str(scratch))
    included = [name for name in _read_depfile(dependencies) if os.path.isabs(name)]
    return cache.store_unit(unit.key, included, object_file, started)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")


def _run(recipe: Recipe, command: Sequence[str], directory: str) -> None:
    """Run a compiler.

    Raises:
        RuntimeError: it found errors; the message shows them.
    """
    recipe.say(shlex.join(command))
    began = time.perf_counter()
    answer = subprocess.run(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "LC_ALL": "C"},
        encoding="utf-8",
        errors="replace",
    )
    if answer.returncode != 0:
        raise _errors.build_error(recipe.name, command, answer.stdout, recipe.explain)
    recipe.say(f"{time.perf_counter() - began:.2f} s")
    if answer.stdout:
        recipe.say(answer.stdout)


def _read_depfile(path: Path) -> list[str]:
    """Return the files a make rule depends on."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    _, _, files = text.replace("\\\n", " ").partition(": ")
    names = re.findall(r"(?:\\[ #]|[^\s])+", files)
    return [re.sub(r"\\([ #])", r"\1", name).replace("$$", "$") for name in names]


def _publish_plain_name(library: Path, plain: Path) -> None:
    """Let `<name>.so` name the newest library, for those who look for it."""
    temporary = plain.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    with contextlib.suppress(OSError):
        os.link(library, temporary)
        os.replace(temporary, plain)
