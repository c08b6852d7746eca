"""`cuda.compile_kernel`: one kernel from its source, called with tensors and numbers."""

from __future__ import annotations

import shutil

import pytest

import rushlight
from rushlight.cuda import compile_kernel, is_emulated

SOURCE = """
extern "C" __global__ void axpy(const float* x, float* y, int n, float a, bool negate) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += (negate ? -a : a) * x[i];
}
"""
DEVICE = "cuda" if rushlight.cuda.is_available() else "cpu"


@pytest.fixture(scope="module")
def axpy(compiler):
    return compile_kernel(SOURCE, "axpy")


def test_it_is_found_under_torchs_name():
    assert rushlight.cuda._compile_kernel is compile_kernel


def test_a_kernel_gets_tensors_and_numbers(axpy):
    x, y = rushlight.arange(1000.0, device=DEVICE), rushlight.ones(1000, device=DEVICE)
    axpy(grid=(4, 1, 1), block=(256, 1, 1), args=[x, y, 1000, 2, False])
    assert y.equal(1 + 2 * x)
    axpy(4, 256, [x, y, 10, 2.0, True])
    assert y[:10].eq(1).all()
    assert y[10:].equal(1 + 2 * x[10:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({1: rushlight.ones(3, dtype=rushlight.float64)}, "argument 1: .* float32, got float64"),
        ({0: 5}, "argument 0: expected a tensor for a pointer, got int"),
        ({2: 1.5}, "argument 2: expected an int, got float"),
        ({2: 2**31}, "argument 2: 2147483648 does not fit into int"),
        ({3: "a"}, "argument 3: expected a float, got str"),
    ],
)
def test_arguments_are_checked(axpy, change, message):
    if not is_emulated():
        pytest.skip("parameters are known to the emulator")
    args = [rushlight.ones(3), rushlight.ones(3), 3, 1.0, False]
    for index, value in change.items():
        args[index] = value
    with pytest.raises(TypeError, match=message):
        axpy(1, 32, args)


def test_the_number_of_arguments_is_checked(axpy):
    with pytest.raises(TypeError, match="'axpy' takes 5 arguments, got 1"):
        axpy(1, 32, [rushlight.ones(3, device=DEVICE)])


def test_launches_cuda_refuses(axpy):
    x = rushlight.ones(3, device=DEVICE)
    with pytest.raises(RuntimeError, match="invalid"):
        axpy(1, 2000, [x, x, 3, 1.0, False])
    with pytest.raises(ValueError, match="one to three dimensions"):
        axpy((1, 1, 1, 1), 32, [x, x, 3, 1.0, False])
    with pytest.raises(RuntimeError, match=r"Call kernel\.set_shared_memory_config"):
        axpy(1, 32, [x, x, 3, 1.0, False], shared_mem=50_000)
    axpy.set_shared_memory_config(60_000)
    axpy(1, 32, [x, x, 3, 0.0, False], shared_mem=50_000)
    with pytest.raises(RuntimeError, match="exceeds device limit"):
        axpy.set_shared_memory_config(10**6)


def test_a_template_by_its_arguments(compiler):
    source = """
    template <typename T, int N> __global__ void fill(T* x, long n, T value) {
      for (long i = threadIdx.x; i < n; i += blockDim.x) x[i] = value * N;
    }"""
    fill = compile_kernel(source, "fill<double, 3>")
    x = rushlight.zeros(100, dtype=rushlight.float64, device=DEVICE)
    fill((1,), (32,), [x, 100, 0.5])
    assert x.eq(1.5).all()


def test_sources_that_do_not_compile(compiler):
    with pytest.raises(RuntimeError, match="defines no kernel 'add'; it defines axpy"):
        compile_kernel(SOURCE, "add")
    if is_emulated():
        with pytest.raises(RuntimeError, match=r"kernel_source:3:\d+: error: .*threadId"):
            compile_kernel(SOURCE.replace("threadIdx", "threadId"), "axpy")


def test_debug_mode(compiler):
    if not is_emulated() or shutil.which("addr2line") is None:
        pytest.skip("needs the emulator, and addr2line")
    axpy = compile_kernel(SOURCE, "axpy", debug=True)
    x, y = rushlight.ones(1000), rushlight.ones(1000)
    axpy(4, 256, [x, y, 1000, 2.0, False])
    assert y.eq(3).all()
    with pytest.raises(RuntimeError) as raised:
        axpy(4, 256, [x, y, 1001, 2.0, False])
    report = str(raised.value)
    assert "of 4 bytes at kernel_source:4: just past the end of a tensor of 4000 bytes" in report
    assert "(kernel axpy, block (3, 0, 0), thread (232, 0, 0))" in report
