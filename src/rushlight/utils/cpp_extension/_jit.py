"""`load` and `load_inline`: compile, and import the result."""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from rushlight.utils.cpp_extension import _compiler, _errors, _inline
from rushlight.utils.cpp_extension._build import build
from rushlight.utils.cpp_extension._paths import extension_directory, include_paths
from rushlight.utils.cpp_extension._recipe import Recipe, Source


def load(
    name: str,
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    extra_cflags: Sequence[str] | None = None,
    extra_cuda_cflags: Sequence[str] | None = None,
    extra_sycl_cflags: Sequence[str] | None = None,
    extra_ldflags: Sequence[str] | None = None,
    extra_include_paths: Sequence[str | os.PathLike[str]] | None = None,
    build_directory: str | os.PathLike[str] | None = None,
    verbose: bool = False,
    with_cuda: bool | None = None,
    with_sycl: bool | None = None,
    is_python_module: bool = True,
    is_standalone: bool = False,
    keep_intermediates: bool = True,
) -> Any:
    """Compile C++ and CUDA files and load the result."""
    _refuse(with_sycl or extra_sycl_cflags, "SYCL sources", "C++ or CUDA")
    _refuse(is_standalone, "is_standalone=True", "a Python module or a library of operators")
    _inline.check_identifier(name, "load: the name of an extension")
    paths = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    recipe = Recipe(
        name,
        [Source.read(path) for path in paths],
        extension_directory(name, build_directory),
        cflags=_flags(extra_cflags, extra_include_paths, with_cuda),
        cuda_cflags=_flags(extra_cuda_cflags, extra_include_paths, with_cuda),
        ldflags=_compiler.without_torch_libraries(_flags(extra_ldflags)),
        verbose=verbose,
        keep_intermediates=keep_intermediates,
    )
    return _load_library(recipe, is_python_module)


def load_inline(
    name: str,
    cpp_sources: str | Sequence[str],
    cuda_sources: str | Sequence[str] | None = None,
    sycl_sources: str | Sequence[str] | None = None,
    functions: str | Sequence[str] | Mapping[str, str] | None = None,
    extra_cflags: Sequence[str] | None = None,
    extra_cuda_cflags: Sequence[str] | None = None,
    extra_sycl_cflags: Sequence[str] | None = None,
    extra_ldflags: Sequence[str] | None = None,
    extra_include_paths: Sequence[str | os.PathLike[str]] | None = None,
    build_directory: str | os.PathLike[str] | None = None,
    verbose: bool = False,
    with_cuda: bool | None = None,
    with_sycl: bool | None = None,
    is_python_module: bool = True,
    with_pytorch_error_handling: bool = True,
    keep_intermediates: bool = True,
    use_pch: bool = False,
    no_implicit_headers: bool = False,
) -> Any:
    """Compile C++ and CUDA strings and load the result."""
    _refuse(with_sycl or sycl_sources, "SYCL sources", "C++ or CUDA")
    _inline.check_identifier(name, "load_inline: the name of an extension")
    cpp_texts = _texts(cpp_sources)
    cuda_texts = _texts(cuda_sources)
    bound = _functions(functions)
    sources = [_inline.cpp_source(cpp_texts, bound, not no_implicit_headers)]
    if cuda_texts:
        sources.append(_inline.cuda_source(cuda_texts, not no_implicit_headers))
    recipe = Recipe(
        name,
        sources,
        extension_directory(name, build_directory),
        cflags=_flags(extra_cflags, extra_include_paths, with_cuda),
        cuda_cflags=_flags(extra_cuda_cflags, extra_include_paths, with_cuda),
        ldflags=_compiler.without_torch_libraries(_flags(extra_ldflags)),
        verbose=verbose,
        keep_intermediates=keep_intermediates,
        snippets={
            **_inline.snippets("cpp_sources", cpp_texts),
            **_inline.snippets("cuda_sources", cuda_texts),
        },
    )
    explain = _inline.explain_bindings(list(bound), "\n".join(cpp_texts))
    return _load_library(recipe, is_python_module, explain)


def _refuse(given: object, what: str, instead: str) -> None:
    if given:
        raise RuntimeError(f"cpp_extension: {what} cannot be built here, only {instead}")


def _texts(sources: str | Sequence[str] | None) -> list[str]:
    if sources is None:
        return []
    return [sources] if isinstance(sources, str) else list(sources)


def _functions(functions: str | Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Return docstrings by the names of the functions to bind."""
    if functions is None:
        return {}
    if isinstance(functions, str):
        functions = [functions]
    if not isinstance(functions, Mapping):
        functions = {name: name for name in functions}
    for name in functions:
        _inline.check_identifier(name, "load_inline: a name in functions")
    return dict(functions)


def _flags(
    flags: Sequence[str] | None,
    directories: Sequence[str | os.PathLike[str]] | None = None,
    with_cuda: bool | None = None,
) -> list[str]:
    """Return the user's flags and include directories, all paths absolute."""
    result = _compiler.with_absolute_paths(list(flags or ()))
    for directory in directories or ():
        result += ["-I", os.path.abspath(directory)]
    if with_cuda:
        result += [f"-I{path}" for path in include_paths("cuda", torch_include_dirs=False)]
    return result


_imported: dict[tuple[str, Path], ModuleType] = {}
_versions: dict[str, int] = {}
_importing = threading.Lock()


def _load_library(
    recipe: Recipe,
    is_python_module: bool,
    explain: Callable[[str], str | None] = lambda output: None,
) -> Any:
    """Build a library if needed and load it.

    Raises:
        RuntimeError: it cannot be built; the message shows the compiler's errors.
    """
    try:
        library = build(recipe)
    except _errors.CompilerFailure as failure:
        raise _errors.build_error(recipe.name, failure, recipe.snippets, explain) from None
    with _importing:
        if not is_python_module:
            ctypes.CDLL(str(library))
            return str(library)
        key = (recipe.name, library)
        if key not in _imported:
            _imported[key] = _import(recipe.name, library)
        return _imported[key]


def _import(name: str, library: Path) -> ModuleType:
    """Import a library under the extension's name; a second version of it as `name_v1`."""
    loader = importlib.machinery.ExtensionFileLoader(name, str(library))
    spec = importlib.util.spec_from_file_location(name, library, loader=loader)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    loader.exec_module(module)
    version = _versions.get(name, -1) + 1
    _versions[name] = version
    if version:
        module.__name__ = f"{name}_v{version}"
    return module
