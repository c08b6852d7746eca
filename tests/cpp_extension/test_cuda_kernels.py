"""Ten kernels of the kind people learn CUDA with: compiled as they are, right on any machine."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from rushlight.utils.cpp_extension import load

KERNELS = Path(__file__).with_name("kernels")


@pytest.fixture(scope="module")
def run(compiler):
    """Call a function of ten.cu; arrays are passed as pointers."""
    path = load("ten_kernels", [KERNELS / "ten.cu"], is_python_module=False)
    library = ctypes.CDLL(path)

    def call(name, *arguments):
        values = [
            argument.ctypes.data_as(ctypes.c_void_p)
            if isinstance(argument, np.ndarray)
            else ctypes.c_float(argument)
            if isinstance(argument, float)
            else ctypes.c_int(argument)
            for argument in arguments
        ]
        assert getattr(library, name)(*values) == 0

    return call


def normal(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def test_vector_add(run):
    a, b, c = normal(1000), normal(1000, seed=1), np.zeros(1000, np.float32)
    run("run_add", a, b, c, 1000)
    np.testing.assert_array_equal(c, a + b)


@pytest.mark.parametrize(("m", "n", "k"), [(64, 48, 32), (33, 17, 50), (1, 1, 1)])
def test_tiled_matmul(run, m, n, k):
    a, b, c = normal(m, k), normal(k, n, seed=1), np.zeros((m, n), np.float32)
    run("run_matmul", a, b, c, m, n, k)
    np.testing.assert_allclose(c, a @ b, rtol=1e-5, atol=1e-5)


def test_sum_with_shuffles(run):
    x, total = normal(10_000), np.zeros(1, np.float32)
    run("run_sum", x, total, 10_000)
    np.testing.assert_allclose(total[0], x.sum(dtype=np.float64), atol=1e-3)


def test_softmax(run):
    x, y = normal(5, 300), np.zeros((5, 300), np.float32)
    run("run_softmax", x, y, 5, 300)
    powers = np.exp(x - x.max(1, keepdims=True))
    np.testing.assert_allclose(y, powers / powers.sum(1, keepdims=True), rtol=1e-5)


def test_layer_norm(run):
    x, w, b, y = normal(9, 100), normal(100, seed=1), normal(100, seed=2), normal(9, 100)
    run("run_layer_norm", x, w, b, y, 9, 100, 1e-5)
    centred = x - x.mean(1, keepdims=True)
    expected = centred / np.sqrt(x.var(1, keepdims=True) + 1e-5) * w + b
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_transpose(run):
    x, y = normal(70, 45, dtype=np.float64), np.zeros((45, 70))
    run("run_transpose", x, y, 70, 45)
    np.testing.assert_array_equal(y, x.T)


def test_histogram(run):
    data = np.random.default_rng(0).integers(0, 256, 20_000).astype(np.uint8)
    bins = np.zeros(256, np.uint32)
    run("run_histogram", data, 20_000, bins)
    np.testing.assert_array_equal(bins, np.bincount(data, minlength=256))


@pytest.mark.parametrize("n", [1, 100, 1024])
def test_scan(run, n):
    x, y = np.arange(n, dtype=np.int32) % 7, np.zeros(n, np.int32)
    run("run_scan", x, y, n)
    np.testing.assert_array_equal(y, np.cumsum(x))


def test_stencil(run):
    x, y = normal(1000), np.zeros(1000, np.float32)
    run("run_stencil", x, y, 1000)
    np.testing.assert_allclose(y, np.convolve(x, np.ones(7), "same"), rtol=1e-5, atol=1e-5)


def test_dynamic_shared_memory(run):
    keys = np.random.default_rng(0).permutation(300).astype(np.int32)
    values = keys * 0.5
    run("run_sort_pairs", keys, values, 300)
    np.testing.assert_array_equal(keys, np.arange(300))
    np.testing.assert_array_equal(values, np.arange(300) * 0.5)
