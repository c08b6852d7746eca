"""Time what one small operator costs in this process: a single element, microseconds."""

from __future__ import annotations

import importlib
import timeit
from collections.abc import Callable
from typing import Any


def cases(T: Any) -> dict[str, tuple[Callable[[], Any], int]]:
    """Return by name a function, and how many times it runs the operator."""
    a, b = T.ones(1), T.ones(1)
    w = T.ones(1, requires_grad=True)
    linear = T.nn.Linear(8, 8)
    row = T.ones(1, 8)

    def untracked(call: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            with T.no_grad():
                for _ in range(10):
                    call()

        return run

    def ten_multiplies() -> None:
        y = w
        for _ in range(10):
            y = y * b
        y.backward()

    return {
        "add": (lambda: a + b, 1),
        "mul": (lambda: a * b, 1),
        "relu": (lambda: T.relu(a), 1),
        "linear 1x8, no grad": (untracked(lambda: linear(row)), 10),
        "add, grad": (lambda: w + b, 1),
        "mul, grad": (lambda: w * b, 1),
        "relu, grad": (lambda: T.relu(w), 1),
        "linear 1x8, grad": (lambda: linear(row), 1),
        "ten multiplies, forward and backward": (ten_multiplies, 1),
    }


def main(settings: dict[str, Any]) -> dict[str, float]:
    """Return the least seconds of each operator.

    Settings: framework, threads, seconds (of timing for each).
    """
    T = importlib.import_module(settings["framework"])
    T.set_num_threads(settings["threads"])
    found = {}
    for name, (call, repeats) in cases(T).items():
        call()
        once = min(timeit.repeat(call, number=10, repeat=3)) / 10
        number = max(1, int(settings["seconds"] / 7 / once))
        found[name] = min(timeit.repeat(call, number=number, repeat=7)) / number / repeats
    return found
