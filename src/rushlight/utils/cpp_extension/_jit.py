"""`load` and `load_inline`: compile, and import the result."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rushlight.utils.cpp_extension import _compiler, _errors, _inline, _loading
from rushlight.utils.cpp_extension._build import build
from rushlight.utils.cpp_extension._paths import extension_directory
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
    """Compile C++ and CUDA files into an extension and load it.

    What has been built before is found again by the content of the sources, of the headers they
    include, and by flags and compiler; then no compiler is called.

    Args:
        name: the extension's name, which sources see as `TORCH_EXTENSION_NAME`.
        sources: paths; `.cu` and `.cuh` are CUDA, everything else C++.
        extra_cflags: flags for C++, after `-std=c++20 -O1`.
        extra_cuda_cflags: flags for CUDA.
        extra_sycl_cflags: refused.
        extra_ldflags: flags for the linker.
        extra_include_paths: directories for `#include`.
        build_directory: where the result is kept, in place of the cache.
        verbose: print commands and seconds.
        with_cuda: add the CUDA headers; None: if there is a CUDA source.
        with_sycl: refused.
        is_python_module: import the result; False: only load the library, for what its static
            objects do (`TORCH_LIBRARY`).
        is_standalone: refused.
        keep_intermediates: keep object files, so that only what changed is compiled next time.

    Returns:
        The module; the library's path if `is_python_module` is False.

    Raises:
        RuntimeError: it cannot be built: the errors, with their files and lines; or there is no
            compiler: what to install.
        FileNotFoundError: there is no such source.
        ValueError: `name` is no identifier.
        ImportError: the library cannot be loaded; for example, a function is declared and nowhere
            defined.

    Note:
        torch returns the module anew each time; here, the same sources give the same module.
        Sources that have changed give a new one, whose name ends in `_v1`, `_v2`, ..., beside the
        old one.

    Example:
        >>> from rushlight.utils.cpp_extension import load
        >>> gelu = load("gelu", ["gelu.cpp", "gelu_kernel.cu"])  # doctest: +SKIP
        >>> y = gelu.forward(rushlight.randn(3))  # doctest: +SKIP
    """
    _refuse(with_sycl or extra_sycl_cflags, "SYCL sources", "C++ or CUDA")
    _refuse(is_standalone, "is_standalone=True", "a Python module or a library of operators")
    _inline.check_identifier(name, "load: the name of an extension")
    paths = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    recipe = Recipe(
        name,
        [Source.read(path) for path in paths],
        extension_directory(name, build_directory),
        cflags=_flags(extra_cflags, extra_include_paths),
        cuda_cflags=_flags(extra_cuda_cflags, extra_include_paths),
        ldflags=_compiler.without_torch_libraries(_compiler.user_flags(extra_ldflags)),
        with_cuda=with_cuda,
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
    """Compile C++ and CUDA strings into an extension and load it.

    The C++ strings become one source behind `#include <torch/extension.h>`, the CUDA strings
    another. A source that includes `rushlight/module.h` gets no header of torch's.

    Args:
        name: the extension's name.
        cpp_sources: C++.
        cuda_sources: CUDA. What Python is to call has to be declared in `cpp_sources`.
        sycl_sources: refused.
        functions: names of functions to bind, or docstrings by names. None: the source binds them
            itself, by PYBIND11_MODULE or RUSHLIGHT_MODULE.
        extra_cflags: flags for C++, after `-std=c++20 -O1`.
        extra_cuda_cflags: flags for CUDA.
        extra_sycl_cflags: refused.
        extra_ldflags: flags for the linker.
        extra_include_paths: directories for `#include`.
        build_directory: where the result is kept, in place of the cache.
        verbose: print commands and seconds.
        with_cuda: add the CUDA headers; None: if there is a CUDA source.
        with_sycl: refused.
        is_python_module: import the result; False: only load the library.
        with_pytorch_error_handling: accepted; errors of C++ always become Python's.
        keep_intermediates: keep object files.
        use_pch: precompile `torch/extension.h`, once for each compiler and set of flags.
        no_implicit_headers: put nothing in front of the sources.

    Returns:
        The module; the library's path if `is_python_module` is False.

    Raises:
        RuntimeError: it cannot be built: the errors, with the lines of the Python file in which
            the strings stand; or there is no compiler.
        ValueError: `name` or one of `functions` is no identifier.

    Note:
        Otherwise as `load`.

    Example:
        >>> from rushlight.utils.cpp_extension import load_inline
        >>> source = "at::Tensor twice(at::Tensor x) { return x + x; }"
        >>> module = load_inline("twice", source, functions=["twice"])  # doctest: +SKIP
        >>> module.twice(rushlight.ones(2))  # doctest: +SKIP
        tensor([2., 2.])
    """
    _refuse(with_sycl or sycl_sources, "SYCL sources", "C++ or CUDA")
    _inline.check_identifier(name, "load_inline: the name of an extension")
    cpp_texts = _texts(cpp_sources)
    cuda_texts = _texts(cuda_sources)
    bound = _functions(functions)
    sources = [_inline.cpp_source(cpp_texts, bound, not no_implicit_headers)]
    if cuda_texts:
        sources.append(_inline.cuda_source(cuda_texts, not no_implicit_headers))
    # torch puts the strings into the build directory, where they may include other files.
    beside = ["-iquote", os.path.abspath(build_directory)] if build_directory else []
    recipe = Recipe(
        name,
        sources,
        extension_directory(name, build_directory),
        cflags=[*_flags(extra_cflags, extra_include_paths), *beside],
        cuda_cflags=_flags(extra_cuda_cflags, extra_include_paths),
        ldflags=_compiler.without_torch_libraries(_compiler.user_flags(extra_ldflags)),
        with_cuda=with_cuda,
        verbose=verbose,
        keep_intermediates=keep_intermediates,
        use_pch=use_pch,
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
    directories: Sequence[str | os.PathLike[str]] | None,
) -> list[str]:
    """Return the user's flags and include directories, all paths absolute."""
    result = _compiler.user_flags(flags)
    for directory in directories or ():
        result += ["-I", os.path.abspath(directory)]
    return result


def _load_library(
    recipe: Recipe,
    is_python_module: bool,
    explain: Callable[[str], str | None] = lambda output: None,
) -> Any:
    """Build a library if needed and load it.

    Raises:
        RuntimeError: it cannot be built; the message shows the compiler's errors.
        ImportError: it cannot be loaded.
    """
    try:
        library = build(recipe)
    except _errors.CompilerFailure as failure:
        raise _errors.build_error(recipe.name, failure, recipe.snippets, explain) from None
    if is_python_module:
        return _loading.load_module(recipe.name, library)
    _loading.load_operators(library)
    return str(library)
