"""Measure what this machine can do: arithmetic out of registers, and copying memory.

Both come from a few lines of C++, compiled for this processor when they are needed. Without a
compiler the arithmetic is that of the best matrix product, and NumPy copies.
"""

from __future__ import annotations

import ctypes
import importlib
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = r"""
#include <cstring>
#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif
typedef float v __attribute__((vector_size(W * 4)));

// Twelve chains: an operation takes four cycles, and a processor starts two per cycle.
extern "C" double multiply_add(long rounds) {
  v s[12], a = v{} + 0.999f, b = v{} + 1e-3f;
  for (int i = 0; i < 12; ++i) s[i] = v{} + float(i);
  for (long n = 0; n < rounds; ++n)
    for (int i = 0; i < 12; ++i) s[i] = s[i] * a + b;
  volatile float keep = 0;
  for (int i = 0; i < 12; ++i) keep = keep + s[i][0];
  return 2.0 * 12 * W * rounds;
}

extern "C" void copy(char* to, const char* from, size_t bytes, long rounds) {
  for (long n = 0; n < rounds; ++n) {
    std::memcpy(to, from, bytes);
    asm volatile("" ::: "memory");
  }
}
"""
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-funroll-loops", "-shared", "-fPIC")

# Bytes read and written together, of all threads: from the first cache to main memory.
SIZES = (1 << 16, 1 << 19, 1 << 22, 1 << 25, 1 << 28)


def main(settings: dict[str, Any]) -> dict[str, Any]:
    """Return `flops` per second, `how` they were measured, and `copy`: pairs of bytes and bytes/s.

    Settings: threads, seconds (of timing for each operator; a peak gets five times as long, to be
    undisturbed once), framework (for the matrix product).
    """
    threads, seconds = settings["threads"], 5 * settings["seconds"]
    with tempfile.TemporaryDirectory() as folder:
        library = compiled(Path(folder))
        flops = product_speed(settings["framework"], threads, seconds)
        how = "the best matrix product"
        if library is not None:
            flops = max(flops, multiply_add_speed(library, threads, seconds))
            how = "multiply-adds in registers"
        copy = [(size, copy_speed(library, size, threads, seconds)) for size in SIZES]
    return {"flops": flops, "how": how, "copy": copy}


def compiled(folder: Path) -> Any:
    """Return the C functions, or None where they cannot be compiled."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    source, library = folder / "peak.cpp", folder / "peak.so"
    source.write_text(SOURCE)
    done = subprocess.run([compiler, *FLAGS, str(source), "-o", str(library)], capture_output=True)
    if done.returncode:
        return None
    functions = ctypes.CDLL(str(library))
    functions.multiply_add.argtypes = [ctypes.c_long]
    functions.multiply_add.restype = ctypes.c_double
    functions.copy.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
    return functions


def in_threads(work: Callable[[int], Any], threads: int) -> float:
    """Return the seconds that `work(number)` takes in so many threads at once."""
    others = [threading.Thread(target=work, args=(n,)) for n in range(1, threads)]
    start = time.perf_counter()
    for thread in others:
        thread.start()
    work(0)
    for thread in others:
        thread.join()
    return time.perf_counter() - start


def best(amount: float, run: Callable[[], float], seconds: float) -> float:
    """Return the best amount per second of several runs."""
    run()
    end, least = time.perf_counter() + seconds, run()
    while time.perf_counter() < end:
        least = min(least, run())
    return amount / least


def multiply_add_speed(library: Any, threads: int, seconds: float) -> float:
    """Return the operations per second of all threads."""
    rounds = 1_000_000
    amount = threads * library.multiply_add(rounds)
    return best(
        amount, lambda: in_threads(lambda _: library.multiply_add(rounds), threads), seconds
    )


def product_speed(framework: str, threads: int, seconds: float) -> float:
    """Return the operations per second of the framework's best matrix product."""
    T = importlib.import_module(framework)
    T.set_num_threads(threads)

    def speed(n: int) -> float:
        a, b = T.randn(n, n), T.randn(n, n)

        def run() -> float:
            start = time.perf_counter()
            T.matmul(a, b)
            return time.perf_counter() - start

        return best(2.0 * n**3, run, seconds)

    return max(speed(n) for n in (512, 1024))


def copy_speed(library: Any, size: int, threads: int, seconds: float) -> float:
    """Return the bytes read and written per second."""
    each = size // 2 // threads
    rounds = max(1, (1 << 26) // size)
    pairs = [(np.zeros(each, np.uint8), np.ones(each, np.uint8)) for _ in range(threads)]

    def work(number: int) -> None:
        to, source = pairs[number]
        if library is None:
            for _ in range(rounds):
                np.copyto(to, source)
        else:
            library.copy(to.ctypes.data, source.ctypes.data, each, rounds)

    return best(2.0 * each * threads * rounds, lambda: in_threads(work, threads), seconds)
