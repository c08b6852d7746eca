"""`CppExtension`, `CUDAExtension` and `BuildExtension`, for a user's `setup.py`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import Extension
from setuptools.command.build_ext import build_ext

from rushlight.utils.cpp_extension import _build, _compiler, _implied, _paths
from rushlight.utils.cpp_extension._compile import jobs
from rushlight.utils.cpp_extension._recipe import CPP_SUFFIXES, CUDA_SUFFIXES, Source


def CppExtension(name: str, sources: Sequence[str], *args: Any, **kwargs: Any) -> Extension:
    """Return a `setuptools.Extension` in C++ that finds rushlight's headers.

    Args:
        name: the module's full name, `package.module`.
        sources: paths, relative to the `setup.py`.
        *args: as for `setuptools.Extension`.
        **kwargs: as for `setuptools.Extension`; `extra_compile_args` may be a dict of lists for
            `"cxx"` and `"nvcc"`.

    Returns:
        What belongs into `setup(ext_modules=[...])`, with `cmdclass={"build_ext": BuildExtension}`.

    Example:
        >>> from rushlight.utils.cpp_extension import CppExtension
        >>> CppExtension("gelu", ["gelu.cpp"]).language
        'c++'
    """
    return _extension("cpu", name, sources, *args, **kwargs)


def CUDAExtension(name: str, sources: Sequence[str], *args: Any, **kwargs: Any) -> Extension:
    """Return a `setuptools.Extension` in C++ and CUDA.

    Files that end in `.cu` are compiled by nvcc, or for the emulator where there is no GPU.

    Args:
        name: the module's full name.
        sources: paths, relative to the `setup.py`.
        *args: as for `setuptools.Extension`.
        **kwargs: as for `CppExtension`.

    Returns:
        What belongs into `setup(ext_modules=[...])`, with `cmdclass={"build_ext": BuildExtension}`.

    Example:
        >>> from rushlight.utils.cpp_extension import CUDAExtension
        >>> CUDAExtension("conv", ["conv.cpp", "conv_kernel.cu"]).sources
        ['conv.cpp', 'conv_kernel.cu']
    """
    return _extension("cuda", name, sources, *args, **kwargs)


def SyclExtension(name: str, sources: Sequence[str], *args: Any, **kwargs: Any) -> Extension:
    """Refuse: SYCL sources cannot be built here.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("cpp_extension: SYCL sources cannot be built here, only C++ or CUDA")


def _extension(
    device: str, name: str, sources: Sequence[str], *args: Any, **kwargs: Any
) -> Extension:
    kwargs["include_dirs"] = [*(kwargs.get("include_dirs") or ()), *_paths.include_paths(device)]
    libraries = [f"-l{library}" for library in kwargs.get("libraries") or ()]
    kwargs["libraries"] = [flag[2:] for flag in _compiler.without_torch_libraries(libraries)]
    kwargs["language"] = "c++"
    kwargs.pop("dlink", None)
    kwargs.pop("dlink_libraries", None)
    by_language = kwargs.pop("extra_compile_args", None)
    extension = Extension(name, list(sources), *args, **kwargs)
    extension.extra_compile_args = by_language or []
    return extension


class BuildExtension(build_ext):
    """setuptools' `build_ext`, with the flags that extensions need, and CUDA sources.

    Example:
        >>> from rushlight.utils.cpp_extension import BuildExtension
        >>> setup_arguments = {"cmdclass": {"build_ext": BuildExtension}}
    """

    def __init__(self, *args: Any, **kwargs: Any):
        self.no_python_abi_suffix = kwargs.pop("no_python_abi_suffix", False)
        kwargs.pop("use_ninja", None)  # sources are compiled side by side without it
        super().__init__(*args, **kwargs)

    @classmethod
    def with_options(cls, **options: Any) -> type[BuildExtension]:
        """Return a subclass whose constructor gets `options`, for `cmdclass`."""

        class WithOptions(cls):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, **kwargs: Any):
                super().__init__(*args, **{**kwargs, **options})

        return WithOptions

    def build_extensions(self) -> None:
        """Build all extensions."""
        _compiler.find_compiler()
        _paths.python_headers()
        _compile_side_by_side(self.compiler)
        super().build_extensions()

    def build_extension(self, ext: Any) -> None:
        """Build one extension."""
        by_language = ext.extra_compile_args
        if not isinstance(by_language, Mapping):
            by_language = {"cxx": list(by_language), "nvcc": []}
        module = ext.name.rpartition(".")[2]
        flags = _compiler.compile_flags(_compiler.find_compiler(), module)
        # Python was built with a level of optimisation, which setuptools passes on.
        flags = [flag for flag in flags if not flag.startswith("-O")]
        ext.extra_compile_args = [*flags, *by_language.get("cxx", ()), *self._implied(ext)]
        # An extension is built anew after an update of rushlight.
        ext.depends = [*ext.depends, *map(str, _paths.HEADERS.rglob("*.h"))]
        if any(path.endswith(CUDA_SUFFIXES) for path in ext.sources):
            self._compile_cuda(ext, module, by_language.get("nvcc", ()))
        super().build_extension(ext)

    def _implied(self, ext: Any, sources: Sequence[str] | None = None) -> list[str]:
        """Return the flags for headers that sources of an extension rely on without a word."""
        directories = [os.path.abspath(path) for path in (*ext.include_dirs, *self.include_dirs)]
        words = []
        for path in ext.sources if sources is None else sources:
            if path.endswith((*CPP_SUFFIXES, *CUDA_SUFFIXES)) and os.path.exists(path):
                words += _implied.flags(Source.read(path).text, os.path.abspath(path), directories)
        pairs = dict.fromkeys(zip(words[::2], words[1::2], strict=True))
        return [option + name for option, name in pairs]  # in one word, which C sources do not get

    def _compile_cuda(self, ext: Any, module: str, cuda_flags: Sequence[str]) -> None:
        """Compile an extension's CUDA sources, and leave it their objects in place of them."""
        from rushlight.utils.cpp_extension import _cuda

        if _cuda.is_emulated():
            ext.include_dirs = [path for path in ext.include_dirs if not _build.is_toolkit(path)]
        directories = [os.path.abspath(path) for path in (*ext.include_dirs, *self.include_dirs)]
        toolchain = _cuda.toolchain([*cuda_flags, *(f"-I{path}" for path in directories)])
        ext.extra_link_args = [*ext.extra_link_args, *toolchain.ldflags]
        ext.extra_compile_args += _build.cuda_flags_of_cpp(toolchain)
        base = _build.base_command(_compiler.find_compiler(), module)
        for path in [path for path in ext.sources if path.endswith(CUDA_SUFFIXES)]:
            inside = path.replace(os.pardir, "up").lstrip(os.sep)
            target = Path(self.build_temp, f"{inside}.o")
            target.parent.mkdir(parents=True, exist_ok=True)
            to_compile = path
            if toolchain.nvcc is None:
                text = _cuda.host_source(Source.read(path).text, os.path.abspath(path), directories)
                to_compile = str(target.with_suffix(".cpp"))
                Path(to_compile).write_text(text, encoding="utf-8", errors="surrogateescape")
            command = _build.cuda_command(toolchain, base, module, os.path.abspath(path))
            includes = self._implied(ext, [path])
            subprocess.run([*command, *includes, "-c", to_compile, "-o", str(target)], check=True)
            ext.sources.remove(path)
            ext.extra_objects.append(str(target))

    def get_ext_filename(self, fullname: str) -> str:
        """Return the file name of an extension, without the ABI's suffix if so asked."""
        name = super().get_ext_filename(fullname)
        if not self.no_python_abi_suffix:
            return name
        stem, _, suffix = name.rpartition(".")
        return f"{stem.partition('.')[0]}.{suffix}"


def _compile_side_by_side(compiler: Any) -> None:
    """Let a compiler object of setuptools compile the sources of an extension in parallel."""
    if compiler.compiler_type != "unix":
        return

    def compile(
        sources: list[str],
        output_dir: str | None = None,
        macros: list[Any] | None = None,
        include_dirs: list[str] | None = None,
        debug: bool = False,
        extra_preargs: list[str] | None = None,
        extra_postargs: list[str] | None = None,
        depends: list[str] | None = None,
    ) -> list[str]:
        _, objects, postargs, preprocessor, build = compiler._setup_compile(
            output_dir, macros, include_dirs, sources, depends, extra_postargs
        )
        arguments = compiler._get_cc_args(preprocessor, debug, extra_preargs)

        def compile_one(target: str) -> None:
            if target in build:
                source, suffix = build[target]
                flags = _for_c(postargs) if suffix == ".c" else postargs
                compiler._compile(target, source, suffix, arguments, flags, preprocessor)

        with ThreadPoolExecutor(jobs(len(objects))) as pool:
            list(pool.map(compile_one, objects))
        return list(objects)

    compiler.compile = compile


def _for_c(flags: Sequence[str]) -> list[str]:
    """Return the flags that C knows, too."""
    return [flag for flag in flags if not flag.startswith(("-std=c++", "-std=gnu++", "-include"))]
