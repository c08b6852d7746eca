"""The names torch's module has, and their arguments."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import pytest

from rushlight.utils import cpp_extension


def test_headers_are_installed():
    (directory,) = cpp_extension.include_paths()
    assert (Path(directory) / "rushlight" / "module.h").exists()


@pytest.mark.parametrize("name", ["load", "load_inline", "include_paths", "library_paths"])
def test_arguments_are_torchs(name, torch):
    from torch.utils import cpp_extension as torchs

    theirs = inspect.signature(getattr(torchs, name))
    ours = inspect.signature(getattr(cpp_extension, name))
    assert list(ours.parameters) == list(theirs.parameters)
    defaults = [p.default for p in ours.parameters.values()]
    assert defaults == [p.default for p in theirs.parameters.values()]


def test_cuda_home(monkeypatch, tmp_path):
    from rushlight.utils.cpp_extension import _paths

    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    assert _paths.find_cuda_home() == str(tmp_path)
    assert str(tmp_path / "include") in cpp_extension.include_paths("cuda")
    assert str(tmp_path / "lib") in cpp_extension.library_paths("cuda")
    assert len(cpp_extension.include_paths("cpu")) == 1


def test_cuda_home_of_the_nvcc_on_the_path(monkeypatch, tmp_path):
    from rushlight.utils.cpp_extension import _paths

    for name in ("bin/nvcc", "include/cuda_runtime.h"):
        path = tmp_path / name
        path.parent.mkdir()
        path.touch(mode=0o755)
    monkeypatch.delenv("CUDA_HOME", raising=False)
    monkeypatch.delenv("CUDA_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert _paths.find_cuda_home() == str(tmp_path)


def test_default_build_root(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = cpp_extension.get_default_build_root()
    assert root == os.path.join(str(tmp_path), "rushlight", "extensions")


def test_ninja_is_not_needed(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert not cpp_extension.is_ninja_available()
    cpp_extension.verify_ninja_availability()


def test_compiler_questions(compiler):
    assert cpp_extension.check_compiler_ok_for_platform(compiler)
    fits, version = cpp_extension.get_compiler_abi_compatibility_and_version(compiler)
    assert fits
    assert int(version.split(".")[0]) > 4
    assert not cpp_extension.check_compiler_ok_for_platform("no-such-compiler")
    assert not cpp_extension.check_compiler_is_gcc("no-such-compiler")


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        cpp_extension.nothing


def test_all_of_torchs_names(torch):
    from torch.utils import cpp_extension as torchs

    pytest.importorskip("setuptools")
    assert [name for name in torchs.__all__ if not hasattr(cpp_extension, name)] == []


def test_what_a_setup_asks():
    from rushlight.utils.cpp_extension import (  # noqa: F401
        COMMON_NVCC_FLAGS,
        CUDA_HOME,
        CUDNN_HOME,
        IS_HIP_EXTENSION,
        IS_WINDOWS,
        ROCM_HOME,
    )

    assert not IS_HIP_EXTENSION


def test_precompiled_headers_can_be_removed(own_directory):
    precompiled = own_directory / "precompiled" / "key"
    precompiled.mkdir(parents=True)
    cpp_extension.remove_extension_h_precompiler_headers()
    assert not precompiled.parent.exists()
    cpp_extension.remove_extension_h_precompiler_headers()
