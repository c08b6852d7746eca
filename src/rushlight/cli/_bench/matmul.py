"""Time a matrix product with one library."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def product(library: str, a: Any, b: Any, threads: int) -> Callable[[], Any]:
    """Return what multiplies the two matrices once, and waits until it is done."""
    if library == "numpy":
        return lambda: a @ b
    if library == "numba":
        multiply = numba_kernel()
        return lambda: multiply(a, b)
    if library == "cupy":
        cupy = importlib.import_module("cupy")
        x, y = cupy.asarray(a), cupy.asarray(b)

        def on_gpu() -> None:
            x @ y
            cupy.cuda.Device().synchronize()

        return on_gpu
    T = importlib.import_module(library)
    T.set_num_threads(threads)
    x, y = T.from_numpy(a), T.from_numpy(b)
    return lambda: x @ y


def numba_kernel() -> Callable[[Any, Any], Any]:
    """Return a product in tiles, compiled by Numba at its first call."""
    numba: Any = importlib.import_module("numba")

    @numba.njit(parallel=True, fastmath=True)
    def multiply(a: Any, b: Any) -> Any:
        n, tile = a.shape[0], 64
        c = np.zeros((n, n), a.dtype)
        for i0 in numba.prange((n + tile - 1) // tile):
            for k0 in range(0, n, tile):
                for i in range(i0 * tile, min(n, (i0 + 1) * tile)):
                    for k in range(k0, min(n, k0 + tile)):
                        value = a[i, k]
                        for j in range(n):
                            c[i, j] += value * b[k, j]
        return c

    return multiply


def main(settings: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of the first call and of the fastest."""
    random, n = np.random.default_rng(0), settings["n"]
    a, b = (random.random((n, n), np.float32) for _ in range(2))
    multiply = product(settings["library"], a, b, settings["threads"])
    times = []
    for _ in range(settings["repeats"] + 1):
        start = time.perf_counter()
        multiply()
        times.append(time.perf_counter() - start)
    return {"first": times[0], "best": min(times[1:])}
