"""The engine below the kernels: capability levels, threads, fork, the memory pool, BLAS."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from rushlight.kernels import _native
from rushlight.kernels.activation import relu, relu_grad
from rushlight.kernels.gemm import matmul

pytestmark = pytest.mark.skipif(_native.core is None, reason="the extension is not built")


def start(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def run(code: str, **environment: str) -> str:
    done = start(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def threads():
    before = _native.get_num_threads()
    yield _native.set_num_threads
    _native.set_num_threads(before)


@pytest.fixture
def pool():
    handler = _native.core.install_pool()
    yield _native.memory_stats
    _native.restore_handler(handler)


# ---- capability ----


@pytest.mark.parametrize("level", ["plain", "v2", "v3", "v4"])
def test_every_level_this_cpu_runs_gives_the_same_results(level):
    code = (
        "import numpy as np\n"
        "from rushlight.kernels import _native, activation, gemm\n"
        "x = np.linspace(-3, 3, 77, dtype=np.float32).reshape(7, 11)\n"
        "print(_native.level())\n"
        "for y in (activation.gelu(x), activation.tanh(x), gemm.matmul(x, x.T)):\n"
        "    print(float(np.abs(y).sum()))"
    )
    done = start(code, RUSHLIGHT_CPU=level)
    if done.returncode != 0:
        assert f"RUSHLIGHT_CPU={level}: " in done.stderr
        pytest.skip(done.stderr.splitlines()[-1])
    lines = done.stdout.split()
    assert lines[0] == level
    x = np.linspace(-3, 3, 77).reshape(7, 11)
    expected = [_gelu(x), np.tanh(x), x @ x.T]
    for line, y in zip(lines[1:], expected, strict=True):
        assert float(line) == pytest.approx(np.abs(y).sum(), rel=1e-6)


def _gelu(x):
    from math import erf, sqrt

    return x * np.vectorize(lambda v: (1 + erf(v / sqrt(2))) / 2)(x)


@pytest.mark.parametrize("name", ["v9", "V3"])
def test_an_unknown_level_is_refused_by_name(name):
    done = start("import rushlight.kernels", RUSHLIGHT_CPU=name)
    assert done.returncode != 0
    assert f"RUSHLIGHT_CPU: expected v2, v3, v4 or plain, got {name}" in done.stderr


# ---- arguments ----


def test_wrong_arguments_are_a_type_error():
    with pytest.raises(TypeError):
        _native.core.relu_grad(np.zeros(3, np.float32))
    with pytest.raises(TypeError):
        _native.core.gemm(1, 2, 3, None, None, 0, False)
    with pytest.raises(TypeError):
        _native.core.relu(None)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros(4),
        np.zeros(4, ">f4"),
        np.zeros((4, 4), np.float32)[:, ::2],
        np.zeros(4, np.float32)[::-1],
        np.zeros(17, np.uint8)[1:].view(np.float32),
        3.0,
        "text",
    ],
    ids=["float64", "swapped", "gaps", "reversed", "unaligned", "float", "str"],
)
def test_an_elementwise_kernel_declines_what_it_cannot_read(x):
    assert _native.core.relu(x) is NotImplemented


def test_operands_of_other_shape_or_layout_are_declined():
    a = np.zeros((4, 6), np.float32)
    assert _native.core.relu_grad(a, a[:3]) is NotImplemented
    assert _native.core.relu_grad(a, np.asfortranarray(a)) is NotImplemented
    assert _native.core.relu_grad(a, np.zeros((6, 4), np.float32)) is NotImplemented
    assert _native.core.relu_grad(a, np.zeros(4, np.float32)) is NotImplemented


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 3, 1, 2), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_dense_arrays_keep_their_memory_order(order):
    shape = (3, 1, 4, 5)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32).transpose(order)
    y = _native.core.relu(x)
    assert y.strides == np.empty_like(x).strides
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    g = np.array(x[..., ::-1], order="K", copy=True)
    np.testing.assert_array_equal(relu_grad(g, y), np.where(y > 0, g, 0))


def test_results_are_new_arrays_of_their_own():
    x = np.zeros((), np.float32)
    y = _native.core.relu(x)
    assert type(y) is np.ndarray
    assert y.shape == ()
    assert y.flags.owndata
    assert _native.core.relu(np.zeros((0, 3), np.float32)).shape == (0, 3)


# ---- threads ----


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_any_thread_count_gives_the_same_elementwise_result(threads, n):
    x = np.random.default_rng(0).normal(size=300_001).astype(np.float32)
    expected = np.maximum(x, 0)
    threads(n)
    assert _native.get_num_threads() == n
    for _ in range(20):
        np.testing.assert_array_equal(relu(x), expected)


def test_the_same_thread_count_gives_the_same_bits(threads):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(300, 300)).astype(np.float32) for _ in range(2))
    threads(3)
    first = matmul(a, b)
    for _ in range(10):
        np.testing.assert_array_equal(matmul(a, b), first)


def test_set_num_threads_refuses_zero():
    with pytest.raises(RuntimeError, match="positive"):
        _native.set_num_threads(0)


def test_openmp_variable_sets_the_default():
    code = "from rushlight.kernels import _native; print(_native.get_num_threads())"
    assert run(code, OMP_NUM_THREADS="3").strip() == "3"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux")
def test_the_default_respects_affinity():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from rushlight.kernels import _native; print(_native.get_num_threads())"
    )
    assert run(code, OMP_NUM_THREADS="").strip() == "1"


def test_python_threads_may_call_at_once(threads):
    threads(2)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(200, 200)).astype(np.float32) for _ in range(4)]
    expected = [a.astype(np.float64) @ a for a in arrays]
    wrong = []

    def work(a, y):
        for _ in range(30):
            if not np.allclose(matmul(a, a), y, atol=1e-3) or relu(a).min() < 0:
                wrong.append(1)

    workers = [
        threading.Thread(target=work, args=pair) for pair in zip(arrays, expected, strict=True)
    ]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_forked_child_computes_with_threads_of_its_own():
    code = (
        "import os, sys, numpy as np\n"
        "from rushlight.kernels import _native\n"
        "from rushlight.kernels.gemm import matmul\n"
        "_native.set_num_threads(2)\n"
        "a = np.ones((300, 300), np.float32)\n"
        "assert matmul(a, a)[0, 0] == 300\n"
        "for depth in range(2):\n"
        "    child = os.fork()\n"
        "    if child:\n"
        "        _, status = os.waitpid(child, 0)\n"
        "        sys.exit(os.waitstatus_to_exitcode(status))\n"
        "    assert matmul(a, a)[-1, -1] == 300\n"
        "os._exit(7)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60)
    assert done.returncode == 7


# ---- memory ----


def test_arrays_are_aligned_and_reuse_freed_memory(pool):
    x = np.empty(1 << 20, np.float32)
    assert x.ctypes.data % 64 == 0
    address = x.ctypes.data
    del x
    before = pool()
    y = np.empty((1 << 20) - 3, np.float32)
    assert y.ctypes.data == address
    after = pool()
    assert after["hits"] == before["hits"] + 1
    assert after["misses"] == before["misses"]


@pytest.mark.parametrize("n", [1, 16, 17, 250, 5000, 300_000, 2_000_000])
def test_zeros_are_zero_in_memory_used_before(pool, n):
    x = np.empty(n, np.float32)
    x.fill(7)
    del x
    assert not np.zeros(n, np.float32).any()


def test_counters_follow_allocations(pool):
    _native.core.reset_peak()
    start = pool()
    x = np.empty(1 << 22, np.uint8)
    grown = pool()["allocated"] - start["allocated"]
    assert x.nbytes <= grown <= x.nbytes * 1.125 + 4096
    del x
    end = pool()
    assert end["allocated"] - start["allocated"] < 1 << 20
    assert end["peak"] >= start["allocated"] + grown
    assert end["cached"] >= grown
    _native.empty_cache()
    assert pool()["cached"] == 0


def test_the_cache_is_bounded(pool):
    limit = pool()["limit"]
    try:
        _native.core.set_cache_limit(8 << 20)
        arrays = [np.empty(3 << 20, np.uint8) for _ in range(6)]
        del arrays
        assert 0 < pool()["cached"] <= 8 << 20
        big = np.empty(16 << 20, np.uint8)
        del big
        assert pool()["cached"] <= 8 << 20
    finally:
        _native.core.set_cache_limit(limit)


def test_realloc_keeps_the_contents(pool):
    x = np.arange(10, dtype=np.int64)
    for n in (1000, 300_000, 5, 40):
        kept = min(n, len(x))
        old = x[:kept].copy()
        x.resize(n, refcheck=False)
        np.testing.assert_array_equal(x[:kept], old)
        assert not x[kept:].any()


def test_arrays_outlive_a_change_of_handler():
    handler = _native.core.install_pool()
    ours = np.arange(1000)
    _native.restore_handler(handler)
    theirs = ours + 1
    del ours
    assert theirs[-1] == 1000


def test_an_impossible_size_is_a_memory_error(pool):
    with pytest.raises(MemoryError):
        np.empty(1 << 62, np.uint8)
    with pytest.raises(MemoryError):
        np.zeros(1 << 47, np.uint8)


def test_the_pool_can_be_switched_off():
    code = (
        "from rushlight.kernels import _native; import numpy as np\n"
        "from numpy._core.multiarray import get_handler_name\n"
        "print(get_handler_name(np.empty(3)))"
    )
    assert run(code, RUSHLIGHT_POOL="0").strip() == "default_allocator"
    assert run(code, RUSHLIGHT_POOL="").strip() == "rushlight_pool"


# ---- BLAS ----


def test_float64_products_stay_right_while_blas_is_limited():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(200, 200))
    matmul(a.astype(np.float32), a.astype(np.float32))
    np.testing.assert_allclose(matmul(a, a), np.einsum("ij,jk->ik", a, a), rtol=1e-9, atol=1e-9)
