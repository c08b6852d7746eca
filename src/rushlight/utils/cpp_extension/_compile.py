"""Running the compiler: several sources at once, into the cache. Imported when that is needed."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rushlight.utils.cpp_extension import _build, _cache, _compiler
from rushlight.utils.cpp_extension._errors import CompilerFailure
from rushlight.utils.cpp_extension._precompiled import Precompiled, is_wanted
from rushlight.utils.cpp_extension._recipe import Plan, Recipe, Unit


def make_library(recipe: Recipe, plan: Plan, directory: Path) -> Path:
    """Compile what has to be compiled, link it and publish the library.

    The caller holds the lock of the directory.

    Raises:
        CompilerFailure: the compiler or the linker found errors.
    """
    cache = _cache.Cache(directory)
    cache.remove_leftovers()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=_cache.TEMPORARY_PREFIX, dir=directory) as temporary:
        scratch = Path(temporary)
        for name, text in recipe.snippets.items():
            _write(scratch / name, text)  # for the lines that compilers show below an error
        keys = _compile_all(recipe, plan, cache, scratch)
        objects = [str(cache.object_path(key)) for key in keys]
        result = scratch / "result.so"
        _run(recipe, [*plan.linker, "-o", str(result), *objects, *plan.ldflags], scratch)
        library = _build.library_path(recipe, plan, directory, keys)
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
        return _compile(recipe, plan, unit, cache, scratch)

    with ThreadPoolExecutor(jobs(len(plan.units))) as pool:
        try:
            return list(pool.map(compiled, plan.units))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def jobs(units: int) -> int:
    """Return how many compilers run at once: MAX_JOBS, or the cores this process may use."""
    limit = os.environ.get("MAX_JOBS", "")
    if limit.isdigit() and int(limit) > 0:
        return min(units, int(limit))
    affinity = getattr(os, "sched_getaffinity", None)
    return max(1, min(units, len(affinity(0)) if affinity else os.cpu_count() or 1))


def _compile(recipe: Recipe, plan: Plan, unit: Unit, cache: _cache.Cache, scratch: Path) -> str:
    """Compile one unit in the scratch directory and move the object into the cache."""
    started = time.time()
    path, included = _source_file(recipe, unit, scratch)
    object_file = scratch / f"{unit.key}.o"
    dependencies = scratch / f"{unit.key}.d"
    report = [*unit.includes, "-MMD", "-MF", str(dependencies), "-c", path, "-o", str(object_file)]
    header = _precompiled_header(plan, unit)
    if header is None:
        _run(recipe, [*unit.command, *report], scratch)
    else:
        _run_with_header(recipe, unit, header, report, scratch)
    inside = str(scratch) + os.sep
    included += [name for name in _cache.read_depfile(dependencies) if not name.startswith(inside)]
    files = sorted({name for name in included if os.path.isabs(name)})
    return cache.store_unit(unit.key, files, object_file, started)


def _source_file(recipe: Recipe, unit: Unit, scratch: Path) -> tuple[str, list[str]]:
    """Return the file to compile, written now if there is none, and the files it was made of."""
    source = unit.source
    if unit.is_emulated:
        from rushlight.utils.cpp_extension import _cuda

        directories = _compiler.include_directories(recipe.cuda_cflags)
        text = _cuda.host_source(source.text, source.path, directories)
        files = _cuda.translated_headers(source.text, source.path, directories)
        _write(scratch / f"{unit.key}.cpp", text)
        return f"{unit.key}.cpp", [*files, source.path] if source.is_file else files
    if source.is_file:
        return source.path, []
    path = f"{unit.key}.{'cu' if source.language == 'cuda' else 'cpp'}"
    _write(scratch / path, source.text)
    return path, []


def _run_with_header(
    recipe: Recipe, unit: Unit, header: Precompiled, report: list[str], scratch: Path
) -> None:
    """Run a compiler with the precompiled header if it is there, and see to it that it will be."""
    if recipe.use_pch:
        header.make_now()
    try:
        _run(recipe, [*header.use_in(unit.command), *report], scratch)
    except CompilerFailure as failure:
        if "PCH" not in failure.output:  # "had to relocate PCH": the address is taken
            raise
        header.give_up()
        _run(recipe, [*unit.command, *report], scratch)
    header.make_soon()


def _precompiled_header(plan: Plan, unit: Unit) -> Precompiled | None:
    """Return the precompiled header a unit could use, there or not."""
    if not plan.can_precompile or unit.source.language != "c++":
        return None
    if not is_wanted(unit.source.text):
        return None
    return Precompiled(unit.command, plan.world)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")


def _run(recipe: Recipe, command: Sequence[str], directory: Path) -> None:
    """Run a compiler.

    Raises:
        CompilerFailure: it found errors.
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
        raise CompilerFailure(command, answer.stdout)
    recipe.say(f"{time.perf_counter() - began:.2f} s")
    if answer.stdout:
        recipe.say(answer.stdout)


def _publish_plain_name(library: Path, plain: Path) -> None:
    """Let `<name>.so` name the newest library, for those who look for it."""
    temporary = plain.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    with contextlib.suppress(OSError):
        os.link(library, temporary)
        os.replace(temporary, plain)
