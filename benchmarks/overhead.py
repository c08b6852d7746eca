"""What one small operator costs, beside PyTorch: microseconds for one element.

python -m benchmarks.overhead
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import timeit
from typing import Any


def _cases(T: Any) -> dict[str, Any]:
    a, b = T.ones(1), T.ones(1)
    w = T.ones(1, requires_grad=True)
    linear = T.nn.Linear(8, 8)
    row = T.ones(1, 8)

    def untracked(call: Any) -> Any:
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


def measure(framework: str) -> dict[str, float]:
    """Return microseconds for each case: the minimum of several runs."""
    T = importlib.import_module(framework)
    T.set_num_threads(1)
    found = {}
    for name, (call, repeats) in _cases(T).items():
        number = 2000 if "multiplies" in name else 20000 // repeats
        best = min(timeit.repeat(call, number=number, repeat=7)) / number / repeats
        found[name] = best * 1e6
    return found


def main() -> None:
    """Measure both frameworks in turn and print the table."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
        return
    rounds: dict[str, list[dict[str, float]]] = {"rushlight": [], "torch": []}
    for _ in range(3):
        for framework in rounds:
            command = [sys.executable, "-m", "benchmarks.overhead", framework]
            reply = subprocess.run(
                command, capture_output=True, text=True, check=True, env=os.environ
            )
            rounds[framework].append(json.loads(reply.stdout.splitlines()[-1]))
    print("| one element, microseconds | rushlight | torch | torch / ours |\n|---|---:|---:|---:|")
    for name in rounds["torch"][0]:
        ours, theirs = (min(r[name] for r in rounds[f]) for f in ("rushlight", "torch"))
        spread = statistics.median(r[name] for r in rounds["rushlight"])
        print(f"| {name} | {ours:.2f} ({spread:.2f}) | {theirs:.2f} | {theirs / ours:.2f} |")


if __name__ == "__main__":
    main()
