"""Who compiles CUDA sources, with which flags."""

from __future__ import annotations

import pytest

from rushlight.backend import cuda as gpu
from rushlight.cuda import is_emulated
from rushlight.utils.cpp_extension import _cuda


@pytest.fixture
def with_gpus(monkeypatch):
    """Make it look as if there were GPUs of some capabilities."""

    def there_are(*capabilities):
        monkeypatch.delenv("TORCH_CUDA_ARCH_LIST", raising=False)
        monkeypatch.delenv("RUSHLIGHT_CUDA_EMULATE", raising=False)
        monkeypatch.setattr(gpu, "available", lambda: bool(capabilities))
        monkeypatch.setattr(gpu, "device_count", lambda: len(capabilities))

        def properties(index):
            major, minor = capabilities[index]
            return gpu.Properties("a GPU", major, minor, 0, 1, 32, 2048, 49152, 0)

        monkeypatch.setattr(gpu, "properties", properties)

    return there_are


def codes(*flags):
    return [flag for flag in _cuda.architecture_flags(flags) if flag != "-gencode"]


def test_architectures_of_the_visible_gpus(with_gpus):
    with_gpus((8, 6), (9, 0), (8, 6))
    assert codes() == ["arch=compute_86,code=sm_86", "arch=compute_90,code=sm_90"]


def test_without_a_gpu_there_is_a_default(with_gpus):
    with_gpus()
    assert codes() == ["arch=compute_80,code=sm_80", "arch=compute_80,code=compute_80"]


def test_the_environment_comes_before_the_gpus(with_gpus, monkeypatch):
    with_gpus((8, 6))
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "7.5;9.0a+PTX")
    assert codes() == [
        "arch=compute_75,code=sm_75",
        "arch=compute_90a,code=sm_90a",
        "arch=compute_90a,code=compute_90a",
    ]
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "Hopper")
    assert codes()[0] == "arch=compute_90,code=sm_90"
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "all of them")
    with pytest.raises(ValueError, match="'all' is no architecture"):
        codes()


def test_flags_come_before_the_environment(with_gpus, monkeypatch):
    with_gpus((8, 6))
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "7.5")
    assert codes("-gencode=arch=compute_90,code=sm_90") == []
    assert codes("-arch=sm_90") == []


def test_with_a_gpu_nvcc_gets_the_flags(with_gpus, monkeypatch):
    with_gpus((9, 0))
    monkeypatch.setattr(_cuda, "find_nvcc", lambda: "/cuda/bin/nvcc")
    chosen = _cuda.toolchain(["--use_fast_math"])
    assert chosen.nvcc == "/cuda/bin/nvcc"
    assert "--use_fast_math" in chosen.flags
    assert "arch=compute_90,code=sm_90" in chosen.flags
    assert "-lcudart" in chosen.ldflags
    assert "-std=c++20" in chosen.flags
    assert "-std=c++20" not in _cuda.toolchain(["-std=c++14"]).flags


def test_a_gpu_without_nvcc_is_explained(with_gpus, monkeypatch):
    with_gpus((9, 0))
    monkeypatch.setattr(_cuda, "find_nvcc", lambda: None)
    with pytest.raises(RuntimeError, match="CUDA_HOME"):
        _cuda.toolchain([])
    monkeypatch.setenv("RUSHLIGHT_CUDA_EMULATE", "1")
    assert _cuda.toolchain([]).nvcc is None


def test_without_a_gpu_there_is_the_emulator(with_gpus):
    with_gpus()
    assert is_emulated()
    assert _cuda.toolchain([]).nvcc is None


def test_the_emulator_gets_what_a_host_compiler_understands(with_gpus):
    with_gpus()
    given = [
        "-gencode", "arch=compute_90,code=sm_90", "-arch=sm_80", "--use_fast_math", "-lineinfo",
        "-Xptxas", "-v", "-maxrregcount=32", "--expt-relaxed-constexpr", "-t", "4", "-O2",
        "-Xcompiler", "-fopenmp,-Wall", "--compiler-options=-g3", "-DN=4", "-I", "/include",
    ]  # fmt: skip
    flags = _cuda.toolchain(given).flags
    assert flags[-6:] == ("-fopenmp", "-Wall", "-g3", "-DN=4", "-I", "/include")
    assert not {"-v", "4", "-arch=sm_80", "--use_fast_math"} & set(flags)


def test_the_debug_mode_is_asked_for_in_three_ways(with_gpus, monkeypatch, compiler):
    with_gpus()
    hooks = "-fsanitize=kernel-address"
    monkeypatch.delenv("RUSHLIGHT_CUDA_CHECK", raising=False)
    assert hooks not in _cuda.toolchain([]).flags
    assert hooks in _cuda.toolchain([], debug=True).flags
    assert hooks in _cuda.toolchain(["-DRUSHLIGHT_CUDA_CHECK"]).flags
    monkeypatch.setenv("RUSHLIGHT_CUDA_CHECK", "1")
    assert hooks in _cuda.toolchain([]).flags
