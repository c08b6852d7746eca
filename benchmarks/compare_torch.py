"""Training steps on rushlight and on PyTorch, interleaved in processes of their own.

    python -m benchmarks.compare_torch                       # every workload, 2 threads
    python -m benchmarks.compare_torch --workload lenet --threads 1 --rounds 5 --json out.json

A round runs each framework once in a fresh process, one after the other; a process warms up, then
times steps. The table gives the minimum and the median over all rounds, in milliseconds, and
the ratio torch / rushlight of both.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from .workloads import WORKLOADS

PARTS = ("forward", "backward", "optimizer", "step")
CONTENDERS = {
    "rushlight": {},
    "torch": {},
    # PyTorch as a user who knows glibc runs it: freed memory stays mapped.
    "torch, malloc tuned": {
        "MALLOC_MMAP_THRESHOLD_": "1073741824",
        "MALLOC_TRIM_THRESHOLD_": "1073741824",
    },
}


def measure(framework: str, workload: str, threads: int, seconds: float) -> list[dict[str, float]]:
    """Time steps of one workload in this process."""
    import time

    T = importlib.import_module(framework)
    T.set_num_threads(threads)
    T.manual_seed(0)
    step = WORKLOADS[workload](T)
    for _ in range(10):
        step()
    end = time.perf_counter() + seconds
    timings = []
    while time.perf_counter() < end or len(timings) < 10:
        timings.append(step())
    return timings


def run(name: str, workload: str, options: argparse.Namespace) -> list[dict[str, float]]:
    """Time one contender in a process of its own."""
    import os

    command = [
        sys.executable, "-m", "benchmarks.compare_torch", "--measure", name.partition(",")[0],
        "--workload", workload, "--threads", str(options.threads), "--seconds",
        str(options.seconds),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), **CONTENDERS[name]}
    reply = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: list[dict[str, float]] = json.loads(reply.stdout.splitlines()[-1])
    return found


def table(results: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    """Return the Markdown table: milliseconds, minimum (median)."""
    lines = [
        "| workload | | forward | backward | optimizer | step | torch / ours, min (median) |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for workload, by_name in results.items():
        ours = [t["step"] for t in by_name["rushlight"]]
        for name, timings in by_name.items():
            cells = []
            for part in PARTS:
                values = [1e3 * t[part] for t in timings if part in t]
                spread = f"{min(values):.2f} ({statistics.median(values):.2f})" if values else ""
                cells.append(spread)
            steps = [t["step"] for t in timings]
            ratio = (
                f"{min(steps) / min(ours):.2f} "
                f"({statistics.median(steps) / statistics.median(ours):.2f})"
            )
            shown = "" if name == "rushlight" else ratio
            lines.append(f"| {workload} | {name} | {' | '.join(cells)} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    """Run the comparison the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", action="append", choices=list(WORKLOADS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of timing in each process")
    parser.add_argument("--json", type=Path, help="also write every timing here")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = options.workload or list(WORKLOADS)
    if options.measure:
        print(json.dumps(measure(options.measure, chosen[0], options.threads, options.seconds)))
        return
    results: dict[str, Any] = {w: {name: [] for name in CONTENDERS} for w in chosen}
    for workload in chosen:
        for number in range(options.rounds):
            for name in CONTENDERS:
                print(
                    f"\r{workload}: round {number + 1}/{options.rounds}, {name:<20}",
                    end="",
                    file=sys.stderr,
                )
                results[workload][name] += run(name, workload, options)
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    print(f"{options.threads} threads, {options.rounds} rounds; milliseconds, minimum (median)\n")
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
