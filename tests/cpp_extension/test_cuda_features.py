"""What CUDA sources use besides threads and shared memory."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from rushlight.cuda import is_emulated
from rushlight.utils.cpp_extension import load

KERNELS = Path(__file__).with_name("kernels")
INVALID_VALUE, INVALID_CONFIGURATION, ASSERT = 1, 9, 710


@pytest.fixture(scope="module")
def library(compiler):
    return ctypes.CDLL(load("features", [KERNELS / "features.cu"], is_python_module=False))


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def test_templates_namespaces_macros_and_headers(library):
    x = np.zeros(100, np.float32)
    assert library.run_templates(pointer(x), 100) == 0
    np.testing.assert_array_equal(x, np.full(100, -9, np.float32))


def test_constant_memory_and_device_variables(library):
    x = np.linspace(-1, 1, 32, dtype=np.float32)
    c, called = np.array([1, -2, 0.5, 3], np.float32), ctypes.c_int()
    expected = np.polynomial.polynomial.polyval(x, c)
    assert library.run_constants(pointer(x), pointer(c), ctypes.byref(called)) == 0
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-6)
    assert called.value == 32


def test_warps(library):
    out = np.zeros((64, 10), np.uint32)
    assert library.run_warps(pointer(out)) == 0
    lane = np.arange(64) % 32
    third = sum(1 << i for i in range(0, 32, 3))
    odd = 0xAAAAAAAA
    assert (out[:, 0] == third).all()
    assert (out[:, 1] == 2).all()
    np.testing.assert_array_equal(out[:, 2], lane // 8 * 8 + 4)
    np.testing.assert_array_equal(out[:, 3], np.where(lane < 3, lane, lane - 3))
    np.testing.assert_array_equal(out[:, 4], np.where(lane % 16 < 14, lane + 2, lane))
    same = [sum(1 << j for j in range(32) if j // 5 == i // 5) for i in lane]
    np.testing.assert_array_equal(out[:, 5], same)
    assert (out[:, 6] == 31 * 16).all()
    np.testing.assert_array_equal(out[:, 7], np.where(lane < 16, lane ^ 1, (lane ^ 2) * 100))
    np.testing.assert_array_equal(out[:, 8], np.where(lane % 2, odd, 0))
    assert (out[:, 9] == 40).all()


def test_cooperative_groups(library):
    out = np.zeros(4, np.int32)
    assert library.run_groups(pointer(out)) == 0
    assert out.tolist() == [96 * 95 // 2, 31, 24, 96]


def test_atomics(library):
    total, largest = np.zeros(1), np.full(1, -5, np.float32)
    wrapped, bits, guarded = np.zeros(1, np.uint32), np.zeros(1, np.uint64), np.zeros(1, np.int32)
    arrays = (total, largest, wrapped, bits, guarded)
    assert library.run_atomics(*map(pointer, arrays)) == 0
    assert total[0] == 160
    np.testing.assert_allclose(largest[0], np.sin(np.arange(320)).max(), rtol=1e-5)
    assert wrapped[0] == 320 % 10
    assert bits[0] == 2**64 - 1
    assert guarded[0] == 320


def test_half_and_bfloat16(library):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.array(
        [0, 1, -2.5, 0.1, 65504, 65520, 1e6, 6e-8, 2.9e-8, -3e-5, 1 / 3, np.inf, np.nan, 2049],
        np.float32,
    )
    h, b, pairs = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    assert library.run_narrow(*map(pointer, (x, h, b, pairs)), len(x)) == 0
    with np.errstate(over="ignore"):
        half = x.astype(np.float16)
        np.testing.assert_array_equal(h, half.astype(np.float32))
        square = (half.astype(np.float32) ** 2 + 0.25).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(b, x.astype(ml_dtypes.bfloat16).astype(np.float32))
    np.testing.assert_array_equal(pairs, square + 2.5)


def test_philox_gives_the_published_numbers(library):
    bits, u, z = np.zeros(64, np.uint32), np.zeros(64, np.float32), np.zeros(64, np.float32)
    assert library.run_random(*map(pointer, (bits, u, z)), 64) == 0
    # Salmon et al., "Parallel random numbers: as easy as 1, 2, 3": counter 0, key 0
    assert bits[:4].tolist() == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert len(set(bits.tolist())) == 64
    assert ((u > 0) & (u <= 1)).all()
    assert abs(z.mean()) < 0.1
    assert 0.05 < z.std() < 0.2


def test_cub_in_a_block(library):
    x, total, before = np.arange(96, dtype=np.int32), np.zeros(1, np.int32), np.zeros(96, np.int32)
    assert library.run_block_primitives(*map(pointer, (x, total, before))) == 0
    assert total[0] == 95 * 48
    np.testing.assert_array_equal(before, np.cumsum(x) - x)


def test_vectors_lambdas_and_kernels_as_values(library):
    x, y = np.random.default_rng(0).random((50, 4), np.float32), np.zeros((50, 4), np.float32)
    x[:, 3] *= 2
    assert library.run_vectors(pointer(x), pointer(y), 50) == 0
    expected = [x[:, 0] + x[:, 1], 2 * x[:, 2], np.minimum(x[:, 3], 1), x[:, 3]]
    np.testing.assert_allclose(y, np.stack(expected, 1))


def test_launch_by_address(library):
    x = np.zeros(40, np.float32)
    assert library.run_untyped(pointer(x), 40) == 0
    assert (x == 2.5).all()


def test_a_failed_assertion_is_named(library, capfd):
    assert library.run_assert(8) == 0
    if not is_emulated():
        pytest.skip("a failed assertion leaves the GPU unusable for this process")
    assert library.run_assert(5) == ASSERT
    report = capfd.readouterr().err
    assert "device-side assert triggered" in report
    assert "assertion `threadIdx.x < limit` failed" in report
    assert "thread (5, 0, 0)" in report
    assert library.run_assert(8) == 0


@pytest.mark.parametrize(
    ("grid", "block", "shared", "error"),
    [
        (1, 1024, 0, 0),
        (1, 1025, 0, INVALID_CONFIGURATION),
        (0, 32, 0, INVALID_CONFIGURATION),
        (1, 0, 0, INVALID_CONFIGURATION),
        (1, 32, 1 << 20, INVALID_VALUE),
    ],
)
def test_launch_configurations(library, grid, block, shared, error):
    assert library.run_configuration(grid, block, shared) == error


def test_events_streams_and_properties(library):
    assert library.run_runtime() == 0
