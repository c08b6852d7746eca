"""From a recipe to a library: found in the cache, or built under the lock."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from rushlight.utils.cpp_extension import _cache, _compiler, _paths
from rushlight.utils.cpp_extension._recipe import Plan, Recipe, Source, Unit


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
    command = [
        *compiler.command,
        *_compiler.compile_flags(compiler, recipe.name),
        *("-isystem", str(_paths.HEADERS), "-isystem", sysconfig.get_path("include")),
        *recipe.cflags,
    ]
    world = _world(compiler, [*recipe.cflags, *recipe.cuda_cflags])
    units, ldflags = [], list(recipe.ldflags)
    for source in recipe.sources:
        if source.language == "cuda":
            units.append(_cuda_unit(recipe, source, command, world, ldflags))
        else:
            units.append(Unit(source, tuple(command), _unit_key(world, source, command)))
    linker = (*compiler.command, *_compiler.link_flags())
    libraries = [_cache.digest_of_file(flag) or "" for flag in ldflags]
    key = _cache.digest_of(*world, recipe.name, *linker, *ldflags, *libraries)
    return Plan(units, linker, tuple(ldflags), key, tuple(world), not compiler.is_clang)


def _cuda_unit(
    recipe: Recipe, source: Source, host_command: list[str], world: list[str], ldflags: list[str]
) -> Unit:
    """Return the unit of a CUDA source: nvcc's, or the emulator's for the host's compiler."""
    from rushlight.utils.cpp_extension import _cuda

    toolchain = _cuda.toolchain(recipe.cuda_cflags)
    ldflags += [flag for flag in toolchain.ldflags if flag not in ldflags]
    if toolchain.nvcc is None:
        beside = ("-iquote", str(Path(source.path).parent)) if source.is_file else ()
        command = [*host_command, *beside, *toolchain.flags]
    else:
        headers = ("-I", str(_paths.HEADERS), "-I", sysconfig.get_path("include"))
        define = f"-DTORCH_EXTENSION_NAME={recipe.name}"
        command = [toolchain.nvcc, define, *headers, *toolchain.flags]
    key = _unit_key([*world, _cache.digest_of_translator()], source, command)
    return Unit(source, tuple(command), key, is_emulated=toolchain.nvcc is None)


def _unit_key(world: Sequence[str], source: Source, command: Sequence[str]) -> str:
    return _cache.digest_of(*world, source.path, source.text, *command)


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
