"""Kernels that rely on threads which keep step without saying so, and rarer parts of CUDA."""

from __future__ import annotations

import ctypes
import math
from pathlib import Path

import numpy as np
import pytest

from rushlight.cuda import is_emulated
from rushlight.utils.cpp_extension import load
from rushlight.utils.cpp_extension._cuda_translate import translate

KERNELS = Path(__file__).with_name("kernels")
pytestmark = pytest.mark.skipif(not is_emulated(), reason="about the emulator")


@pytest.fixture(scope="module")
def library(compiler):
    path = load("keeping_step", [KERNELS / "keeping_step.cu"], is_python_module=False)
    return ctypes.CDLL(path)


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def test_their_results_are_those_of_a_gpu(library):
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    found, sums = np.zeros(2, np.float32), np.zeros(64, np.float32)
    nearest, chosen = np.full(1000, 1e10, np.float32), np.zeros(30, np.int32)
    arguments = (
        pointer(x),
        1000,
        pointer(found),
        pointer(nearest),
        pointer(chosen),
        30,
        pointer(sums),
    )
    assert library.run_keeping_step(*arguments) == 0
    np.testing.assert_allclose(found, [x.sum(), x[:64].max()], rtol=1e-4)
    np.testing.assert_allclose(sums, np.full(64, x[:64].sum() ** 2), rtol=1e-4)
    expected, distances = [0], np.full(1000, np.inf)
    for _ in range(29):
        distances = np.minimum(distances, (x - x[expected[-1]]) ** 2)
        expected.append(int(distances.argmax()))
    assert chosen.tolist() == expected


def test_rare_functions(library):
    out = np.zeros(10, np.float32)
    assert library.run_rare_functions(pointer(out)) == 0
    expected = [0.27246272, 1.2815516, math.sqrt(30), 0, 3, 2, 6, 64, 2 / 3, 1.2660659]
    assert out[3:4].view(np.uint32)[0] == 0x02000304
    out[3] = 0
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    assert float(out[8]) < 2 / 3


def test_tensor_cores(library):
    a, b = np.random.default_rng(1).standard_normal((2, 16, 64)).astype(np.float16)
    c = np.zeros((16, 16), np.float32)
    assert library.run_tensor_cores(pointer(a), pointer(b), pointer(c), 64) == 0
    expected = 2 * a.astype(np.float32) @ b.astype(np.float32).T
    np.testing.assert_allclose(c, expected, rtol=1e-4, atol=1e-4)


def test_reductions_and_scans_of_cub(library):
    x = np.random.default_rng(2).integers(-9, 9, 64).astype(np.int32)
    out, results = np.zeros((2, 2, 32), np.int32), np.zeros(66, np.int32)
    assert library.run_cub(pointer(x), pointer(out), pointer(results)) == 0
    rows = x.reshape(2, 32)
    np.testing.assert_array_equal(out[0], rows.cumsum(1) - rows)
    np.testing.assert_array_equal(out[1], np.maximum.accumulate(rows, axis=1))
    assert results[:2].tolist() == [x.sum(), x.max()]
    np.testing.assert_array_equal(results[2:], (x.cumsum() - x).cumsum())


LOOP = """
__global__ void k(float* x) {
  __shared__ float s[32];
  for (int i = 0; i < 8; ++i) {
    s[threadIdx.x] = x[i];
    __syncthreads();
    x[i] = s[31 - threadIdx.x];
    %s
  }
}
"""


def test_only_where_a_barrier_is_missing():
    assert "take_turn" in translate(LOOP % "")
    assert "take_turn" not in translate(LOOP % "__syncthreads();")


def test_a_value_in_two_steps():
    statements = "s[i] += s[i + 1]; s[i++] = 3; if (i) s[0] = 2;"
    text = translate(f"__device__ void f(volatile int* s, int i) {{ {statements} }}")
    assert "RUSHLIGHT_IN_STEP(s[i] , s [ i ] + ( s[i + 1]));" in text
    assert "s[i++] = 3;" in text
    head = "for (int k = 4; k; s[i] += s[i + k], k /= 2) {}"
    assert head in translate(f"__device__ void f(volatile int* s, int i) {{ {head} }}")
    assert "if (i) RUSHLIGHT_IN_STEP(s[0] , ( 2));" in text
