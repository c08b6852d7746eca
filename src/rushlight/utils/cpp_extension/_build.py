"""From a recipe to a library: found in the cache, or built under the lock."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rushlight.utils.cpp_extension import _cache, _compiler, _implied, _paths
from rushlight.utils.cpp_extension._recipe import Plan, Recipe, Source, Unit

if TYPE_CHECKING:
    from rushlight.utils.cpp_extension._cuda import Toolchain


def build(recipe: Recipe) -> Path:
    """Return the library made of a recipe, building what is not there yet.

    Raises:
        CompilerFailure: the compiler or the linker found errors.
        RuntimeError: there is no compiler.
    """
    plan = make_plan(recipe)
    found = find_library(recipe, plan, recipe.directory)
    if found is not None:
        recipe.say(f"nothing has changed: {found}")
        return found
    from rushlight.utils.cpp_extension import _compile

    _paths.python_headers()
    directory = _cache.writable_directory(recipe.directory)

    def waiting() -> None:
        recipe.say(f"waiting for another process that builds in {directory}")

    with _cache.locked(directory, waiting):
        found = find_library(recipe, plan, directory)
        return found or _compile.make_library(recipe, plan, directory)


def make_plan(recipe: Recipe) -> Plan:
    """Decide on the commands, and name what they will make."""
    compiler = _compiler.find_compiler()
    world = _world(compiler, [*recipe.cflags, *recipe.cuda_cflags])
    base = base_command(compiler, recipe.name)
    units, ldflags = [], list(recipe.ldflags)
    toolchain = _cuda_toolchain(recipe)
    headers: list[str] = []
    cflags = recipe.cflags
    if toolchain is not None:
        headers = cuda_flags_of_cpp(toolchain)
        cflags = cflags if toolchain.nvcc else without_toolkits(cflags)
        ldflags += [flag for flag in toolchain.ldflags if flag not in ldflags]
    for source in recipe.sources:
        if toolchain is not None and source.language == "cuda":
            units.append(_cuda_unit(recipe, source, base, world, toolchain))
        else:
            command = (*base, *headers, *cflags)
            includes = _includes(source, recipe.cflags)
            units.append(
                Unit(source, command, _unit_key(world, source, command, includes), includes)
            )
    linker = (*compiler.command, *_compiler.link_flags())
    libraries = [_cache.digest_of_file(flag) or "" for flag in ldflags]
    key = _cache.digest_of(*world, recipe.name, *linker, *ldflags, *libraries)
    return Plan(units, linker, tuple(ldflags), key, tuple(world), not compiler.is_clang)


def base_command(compiler: _compiler.Compiler, name: str) -> list[str]:
    """Return the compiler with the flags of every source."""
    headers = ("-isystem", str(_paths.HEADERS), "-isystem", sysconfig.get_path("include"))
    return [*compiler.command, *_compiler.compile_flags(compiler, name), *headers]


def _cuda_toolchain(recipe: Recipe) -> Toolchain | None:
    """Return what compiles CUDA sources, for an extension that has any."""
    has_cuda = any(source.language == "cuda" for source in recipe.sources)
    if not has_cuda and not recipe.with_cuda:
        return None
    from rushlight.utils.cpp_extension import _cuda

    flags = recipe.cuda_cflags
    return _cuda.toolchain(without_toolkits(flags) if _cuda.is_emulated() else flags)


def without_toolkits(flags: Sequence[str]) -> list[str]:
    """Return flags less the headers of CUDA toolkits: the emulator has its own."""
    kept: list[str] = []
    words = iter(flags)
    for word in words:
        if word in ("-I", "-isystem"):
            directory = next(words, "")
            kept += [] if is_toolkit(directory) else [word, directory]
        elif not (word.startswith("-I") and is_toolkit(word[2:])):
            kept.append(word)
    return kept


def is_toolkit(directory: str) -> bool:
    """Tell whether a directory holds a CUDA toolkit's headers."""
    return os.path.exists(os.path.join(directory, "cuda_runtime.h"))


def cuda_flags_of_cpp(toolchain: Toolchain) -> list[str]:
    """Return the flags with which C++ sources find the CUDA headers that CUDA sources see."""
    if toolchain.nvcc is not None:
        directories = _paths.include_paths("cuda", torch_include_dirs=False)
        return [word for directory in directories for word in ("-isystem", directory)]
    from rushlight.utils.cpp_extension import _cuda

    settings = [flag for flag in toolchain.flags if flag.startswith("-DRUSHLIGHT_")]
    return ["-isystem", str(_cuda.EMULATOR_HEADERS), *settings]


def cuda_command(
    toolchain: Toolchain, base: Sequence[str], name: str, path: str | None
) -> tuple[str, ...]:
    """Return the command that compiles CUDA sources.

    Args:
        toolchain: nvcc, or the emulator.
        base: the host compiler's command for C++ sources, without the user's flags.
        name: the extension's.
        path: the source, if it is a file.
    """
    if toolchain.nvcc is None:
        beside = () if path is None else ("-iquote", str(Path(path).parent))
        return (*base, *beside, *toolchain.flags)
    headers = ("-I", str(_paths.HEADERS), "-I", sysconfig.get_path("include"))
    return (toolchain.nvcc, f"-DTORCH_EXTENSION_NAME={name}", *headers, *toolchain.flags)


def _cuda_unit(
    recipe: Recipe, source: Source, base: list[str], world: list[str], toolchain: Toolchain
) -> Unit:
    """Return the unit of a CUDA source: nvcc's, or the emulator's for the host's compiler."""
    path = source.path if source.is_file else None
    command = cuda_command(toolchain, base, recipe.name, path)
    includes = _includes(source, recipe.cuda_cflags)
    key = _unit_key([*world, _cache.digest_of_translator()], source, command, includes)
    return Unit(source, command, key, includes, is_emulated=toolchain.nvcc is None)


def _includes(source: Source, flags: Sequence[str]) -> tuple[str, ...]:
    """Return the flags for headers that a source relies on without a word."""
    directories = _compiler.include_directories(flags)
    return (*_implied.flags(source.text, source.path, directories),)


def _unit_key(
    world: Sequence[str], source: Source, command: Sequence[str], includes: Sequence[str]
) -> str:
    return _cache.digest_of(*world, source.path, source.text, *command, *includes)


def _world(compiler: _compiler.Compiler, flags: Sequence[str]) -> list[str]:
    """Return what an object file depends on besides its source, its headers and its flags."""
    marks = [compiler.identity, _cache.digest_of_headers(), *_compiler.environment_marks()]
    marks += [sys.implementation.cache_tag or "", sysconfig.get_config_var("EXT_SUFFIX") or ""]
    if any(flag.endswith("=native") for flag in flags):
        marks.append(_compiler.cpu_mark())
    return marks


def find_library(recipe: Recipe, plan: Plan, directory: Path) -> Path | None:
    """Return the library if it has been built from just these sources, headers and flags."""
    cache = _cache.Cache(directory)
    keys = []
    for unit in plan.units:
        key = cache.object_key(unit.key)
        if key is None:
            return None
        keys.append(key)
    path = library_path(recipe, plan, directory, keys)
    return path if path.exists() else None


def library_path(recipe: Recipe, plan: Plan, directory: Path, object_keys: Sequence[str]) -> Path:
    """Return where the library made of these objects is kept."""
    return directory / f"{recipe.name}-{_cache.digest_of(plan.key, *object_keys)}.so"
