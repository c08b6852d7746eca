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

from rushlight.utils.cpp_extension import _compiler, _paths
from rushlight.utils.cpp_extension._compile import jobs
from rushlight.utils.cpp_extension._recipe import CUDA_SUFFIXES, Source


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
        ext.extra_compile_args = [*flags, *by_language.get("cxx", ())]
        self._take_over_cuda(ext, flags, by_language.get("nvcc", ()))
        # An extension is built anew after an update of rushlight.
        headers = [str(path) for path in _paths.HEADERS.rglob("*.h")]
        ext.depends = [*ext.depends, *headers]
        super().build_extension(ext)

    def _take_over_cuda(self, ext: Any, flags: Sequence[str], cuda_flags: Sequence[str]) -> None:
        """Replace CUDA sources by what the host's compiler can read, or by nvcc's objects."""
        paths = [path for path in ext.sources if path.endswith(CUDA_SUFFIXES)]
        if not paths:
            return
        from rushlight.utils.cpp_extension import _cuda

        toolchain = _cuda.toolchain(list(cuda_flags))
        ext.extra_link_args = [*ext.extra_link_args, *toolchain.ldflags]
        ext.depends = [*ext.depends, *paths]
        for path in paths:
            target = Path(self.build_temp, path.replace(os.pardir, "up"))
            target.parent.mkdir(parents=True, exist_ok=True)
            if toolchain.nvcc is None:
                target = target.with_name(target.name + ".cpp")
                source = Source.read(path)
                target.write_text(_cuda.host_source(source.text, path), encoding="utf-8")
                ext.sources[ext.sources.index(path)] = str(target)
                beside = ["-iquote", os.path.dirname(source.path)]
                ext.extra_compile_args += [*beside, *toolchain.flags]
            else:
                target = target.with_name(target.name + ".o")
                includes = [
                    f"-I{directory}" for directory in (*ext.include_dirs, *self.include_dirs)
                ]
                define = next(flag for flag in flags if flag.startswith("-DTORCH_EXTENSION_NAME"))
                command = [toolchain.nvcc, define, *includes, *toolchain.flags]
                subprocess.run([*command, "-c", path, "-o", str(target)], check=True)
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
    return [flag for flag in flags if not flag.startswith(("-std=c++", "-std=gnu++"))]
