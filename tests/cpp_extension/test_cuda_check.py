"""The debug mode of the emulator: mistakes are found, and named with kernel, thread and line."""

from __future__ import annotations

import ctypes
import re
import shutil
from pathlib import Path

import pytest

from rushlight.utils.cpp_extension import load

SOURCE = Path(__file__).with_name("kernels") / "mistakes.cu"
LINES = {
    match[1]: number
    for number, line in enumerate(SOURCE.read_text().splitlines(), 1)
    if (match := re.search(r"// LINE (\w+)", line))
}


@pytest.fixture(scope="module")
def attempt(compiler):
    if shutil.which("addr2line") is None:
        pytest.skip("lines are found with addr2line, which is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUSHLIGHT_CUDA_EMULATE", "1")
        patch.setenv("RUSHLIGHT_CUDA_CHECK", "1")
        library = ctypes.CDLL(load("mistakes", SOURCE, is_python_module=False))

    def run(name):
        function = library[f"try_{name}"]
        function.restype = ctypes.c_char_p
        return function().decode()

    return run


OUT_OF_BOUNDS = {
    "past_the_end": (
        "out-of-bounds write of 4 bytes at @: just past the end of an allocation of 256 bytes "
        "(kernel past_the_end, block (1, 0, 0), thread (0, 0, 0))"
    ),
    "before_the_beginning": (
        "out-of-bounds read of 4 bytes at @: 4 bytes before the beginning of an allocation of 256 "
        "bytes (kernel before_the_beginning, block ("
    ),
    "in_a_function": (
        "out-of-bounds read of 4 bytes at @: 12 bytes past the end of an allocation of 256 bytes "
        "(kernel in_a_function, block ("
    ),
    "past_shared": (
        "write of 4 bytes at @: just past the end of shared memory 'last' of 128 bytes"
    ),
    "past_dynamic": (
        "out-of-bounds write of 4 bytes at @: just past the end of the dynamic shared memory of "
        "128 bytes (kernel past_dynamic, block ("
    ),
    "past_constant": (
        "out-of-bounds read of 4 bytes at @: just past the end of the variable 'table' of 16 bytes"
    ),
    "null_pointer": "out-of-bounds write of 4 bytes at @: a null pointer (kernel null_pointer",
    "atomic_past_the_end": "bytes at @: just past the end of an allocation of 256 bytes",
}


@pytest.mark.parametrize("name", OUT_OF_BOUNDS)
def test_bounds(attempt, name):
    report = attempt(name)
    assert "an illegal memory access was encountered" in report
    assert OUT_OF_BOUNDS[name].replace("@", f"mistakes.cu:{LINES[name]}") in report


def test_memory_of_the_host(attempt):
    assert "out-of-bounds write of 4 bytes" in attempt("host_memory")


@pytest.mark.parametrize(
    "name",
    ["missing_barrier", "missing_second_barrier", "warp_without_sync", "different_values"],
)
def test_races(attempt, name):
    report = attempt(name)
    memory = "last" if name == "different_values" else "tile"
    assert f"race on shared memory '{memory}'" in report
    assert "with no barrier between" in report
    assert f"mistakes.cu:{LINES[name]}" in report
    assert f"(kernel {name}, block (" in report
    assert len(re.findall(r"thread \(\d+, 0, 0\)", report)) == 2


def test_reads_of_what_nobody_wrote(attempt):
    report = attempt("unwritten")
    assert "read of shared memory 'tile' that no thread has written" in report
    assert f"mistakes.cu:{LINES['unwritten']}" in report
    assert "thread (0, 0, 0))" in report


def test_barriers_that_not_all_threads_reach(attempt):
    left = attempt("left_behind")
    assert f"line {LINES['left_behind']} waits for threads that have returned" in left
    places = attempt("two_places")
    assert f"divergent __syncthreads(): this thread is at line {LINES['two_places'] + 2}" in places
    assert f"others wait at line {LINES['two_places']}" in places


def test_deadlocks(attempt):
    assert "deadlock: of 32 threads 16 wait at __syncthreads()" in attempt("partial_shuffle")


def test_a_kernel_without_mistakes_passes(attempt):
    assert attempt("reduction") == ""
