"""CUDA sources in an extension: what is compiled by whom. What kernels do is tested elsewhere."""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import sys

import numpy as np
import pytest

from rushlight.utils.cpp_extension import include_paths, load, load_inline

from .conftest import child_environment

MAIN = """
#include <rushlight/module.h>
#include <cuda_runtime.h>
void launch(const float* x, float* y, int n);
void run(rushlight::View<const float> x, rushlight::View<float> y) {
  launch(x.data(), y.data(), static_cast<int>(x.size()));
  cudaDeviceSynchronize();
}
RUSHLIGHT_MODULE(m) { m.def("run", run); }
"""
KERNEL = """
#include "step.cuh"
__global__ void step_kernel(const float* x, float* y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = step(x[i]);
}
void launch(const float* x, float* y, int n) {
  step_kernel<<<(n + 255) / 256, 256>>>(x, y, n);
}
"""
STEP = "#pragma once\n__device__ float step(float x) { return x + 1.0f; }\n"
FLAGS = {"extra_cflags": ["-O0"], "extra_cuda_cflags": ["-O0", "--use_fast_math"]}


@pytest.fixture(autouse=True)
def emulator(compiler, monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_CUDA_EMULATE", "1")


@pytest.fixture(autouse=True)
def toolkit(tmp_path, monkeypatch):
    """A toolkit, installed where there is no GPU: its headers are not the emulator's."""
    include = tmp_path / "toolkit" / "include"
    include.mkdir(parents=True)
    (include / "cuda_runtime.h").write_text("#error a toolkit's header\n")
    monkeypatch.setenv("CUDA_HOME", str(include.parent))
    return include


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "main.cpp").write_text(MAIN)
    (folder / "kernel.cu").write_text(KERNEL)
    (folder / "step.cuh").write_text(STEP)
    return folder


def steps(module, n=1000):
    x = np.arange(n, dtype=np.float32)
    y = np.zeros_like(x)
    module.run(x, y)
    return np.unique(y - x)


def load_project(folder):
    sources = [folder / "main.cpp", folder / "kernel.cu"]
    return load("steps", sources, extra_include_paths=include_paths("cuda"), **FLAGS)


def test_a_changed_cuda_header_is_noticed(project, compiler_log, own_directory):
    assert steps(load_project(project)) == [1]
    assert len(compiler_log.compiled) == 2
    compiler_log.clear()
    assert steps(load_project(project)) == [1]
    assert compiler_log.calls == []
    (project / "step.cuh").write_text(STEP.replace("1.0f", "2.0f"))
    assert steps(load_project(project)) == [2]
    assert len(compiler_log.compiled) == 1


def test_errors_name_the_cuda_file(project):
    (project / "kernel.cu").write_text(KERNEL.replace("step(x[i])", "stop(x[i])"))
    with pytest.raises(RuntimeError) as raised:
        load_project(project)
    assert f"{project / 'kernel.cu'}:5:21: error: " in str(raised.value)


def test_strings(own_directory):
    kernel = KERNEL.replace('#include "step.cuh"', STEP)
    module = load_inline("inline_steps", MAIN, kernel, no_implicit_headers=True, **FLAGS)
    assert steps(module) == [1]


def test_with_cuda_gives_cpp_sources_the_headers(toolkit):
    source = """
#include <rushlight/module.h>
#include <cuda_runtime.h>
int code() { return cudaDeviceSynchronize(); }
"""
    options = {"with_cuda": True, "extra_include_paths": [toolkit]}
    module = load_inline("codes", source, functions=["code"], **options)
    assert module.code() == 0
    with pytest.raises(RuntimeError, match="cuda_runtime"):
        load_inline("codes", source + "//", functions=["code"])


SETUP = """
import os

from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension

flags = {"cxx": ["-O0"], "nvcc": ["-O0"]}
kernel = os.path.abspath("kernel.cu")
setup(
    name="steps",
    ext_modules=[CUDAExtension("steps", ["main.cpp", kernel], extra_compile_args=flags)],
    cmdclass={"build_ext": BuildExtension},
)
"""


def test_setup(project):
    pytest.importorskip("setuptools")
    (project / "setup.py").write_text(SETUP)
    command = [sys.executable, "-m", "rushlight", "run", "setup.py", "build_ext", "--inplace"]
    environment = child_environment()
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.suffix for path in project.iterdir()} == {".cpp", ".cu", ".cuh", ".py", ".so", ""}
    code = (
        "import numpy as np, steps\n"
        "x = np.arange(9, dtype=np.float32); y = x * 0\n"
        "steps.run(x, y)\n"
        "assert (y == x + 1).all()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=project, env=environment, check=True)


FAKE_NVCC = """#!/bin/sh
printf '%s\\n' "$@" > '{log}'
for word; do
  case "$before" in -o) object=$word ;; -c) source=$word ;; -MF) depends=$word ;; esac
  before=$word
done
exec {compiler} -x c++ -fPIC -MMD -MF "$depends" -c "$source" -o "$object"
"""


def test_nvcc_gets_the_source_as_it_is(compiler, own_directory, tmp_path, monkeypatch):
    """A toolkit of two files: an nvcc that is the C++ compiler, and an empty libcudart."""
    from rushlight.utils.cpp_extension import _cuda

    toolkit, log = tmp_path / "toolkit", tmp_path / "arguments"
    (toolkit / "bin").mkdir()
    (toolkit / "lib64").mkdir()
    (toolkit / "bin" / "nvcc").write_text(FAKE_NVCC.format(log=log, compiler=compiler))
    (toolkit / "bin" / "nvcc").chmod(0o755)
    runtime = str(toolkit / "lib64" / "libcudart.so")
    command = [*shlex.split(compiler), "-shared", "-x", "c++", os.devnull, "-o", runtime]
    subprocess.run(command, check=True)
    monkeypatch.setattr(_cuda, "is_emulated", lambda: False)
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "8.6+PTX")

    source = 'extern "C" int twice(int x) { return 2 * x; }\n'
    path = tmp_path / "twice.cu"
    path.write_text(source)
    library = load("twice", [path], extra_cuda_cflags=["-lineinfo"], is_python_module=False)
    assert ctypes.CDLL(library).twice(21) == 42
    arguments = log.read_text().splitlines()
    assert {"-lineinfo", "arch=compute_86,code=sm_86", str(path)} <= set(arguments)
    assert "-DTORCH_EXTENSION_NAME=twice" in arguments
