"""How the time of a step grows with the batch and falls with threads, beside PyTorch.

python -m benchmarks.scaling                             # LeNet-5, MLP, GPT; 1 and 2 threads
python -m benchmarks.scaling --workload resnet18 --batch 1 8 32 --threads 1 2
python -m benchmarks.scaling --plot scaling.png --markdown
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from _bench.contenders import CONTENDERS, DEFAULT_TORCH, OURS, installed
from _bench.machine import describe
from _bench.processes import run_worker
from _bench.results import compare, ratio, step_times
from _bench.tables import digits, spread, table
from _bench.workloads import WORKLOADS

BATCHES = (1, 4, 16, 64, 256)
USUAL = ("lenet", "mlp", "gpt")

# workload, batch, threads, contender: what was measured
Point = dict[str, Any]


def measure(
    workloads: Sequence[str],
    batches: Sequence[int],
    threads: Sequence[int],
    contenders: Sequence[str],
    count: int,
    seconds: float,
    run: Callable[..., dict[str, Any]] = run_worker,
) -> list[Point]:
    """Return the seconds of steps for every workload, batch, number of threads and contender."""
    points = []
    for workload in workloads:
        for batch in batches:
            for n in threads:
                settings = {"threads": n, "seconds": seconds, "batch": batch}
                found = compare([workload], contenders, settings, count, run=run)[workload]
                points += [
                    {
                        "workload": workload,
                        "batch": batch,
                        "threads": n,
                        "contender": name,
                        "seconds": step_times(measured),
                        "failure": measured["failure"],
                    }
                    for name, measured in found.items()
                ]
    return points


def scaling_table(points: Sequence[Point], *, markdown: bool = False) -> str:
    """Return a line for each workload and batch; for each number of threads both and their ratio.

    The last column is what the most threads gain us over the fewest.
    """
    by = {
        (p["workload"], p["batch"], p["threads"], p["contender"]): p["seconds"] for p in points
    }  # fmt: skip
    threads = sorted({p["threads"] for p in points})
    others = list(dict.fromkeys(p["contender"] for p in points if p["contender"] != OURS))
    head = ["workload", "batch"]
    for n in threads:
        head += [f"ours, {n} thr., ms"]
        head += [title for name in others for title in (f"{name}, {n} thr.", "/ ours")]
    rows = []
    for workload, batch in dict.fromkeys((p["workload"], p["batch"]) for p in points):
        cells = [workload, str(batch)]
        for n in threads:
            ours = by.get((workload, batch, n, OURS), [])
            cells.append(spread(ours, 1e3))
            for name in others:
                theirs = by.get((workload, batch, n, name), [])
                cells += [digits(1e3 * min(theirs)) if theirs else "", ratio(theirs, ours)]
        few, many = (by.get((workload, batch, n, OURS)) for n in (threads[0], threads[-1]))
        rows.append([*cells, f"{min(few) / min(many):.2f}" if few and many else ""])
    return table([*head, f"{threads[-1]} thr. gain"], rows, markdown=markdown)


def failures(points: Sequence[Point]) -> list[str]:
    """Return a line for each point that could not be measured."""
    return [
        f"{p['workload']}, batch {p['batch']}, {p['threads']} threads, {p['contender']}: skipped, "
        f"{p['failure']}"
        for p in points
        if p.get("failure")
    ]


def plot(points: Sequence[Point], path: Path) -> None:
    """Draw microseconds per sample against the batch, a panel for each workload."""
    from matplotlib import pyplot

    workloads = list(dict.fromkeys(p["workload"] for p in points))
    figure, axes = pyplot.subplots(
        1, len(workloads), figsize=(5 * len(workloads), 4), squeeze=False
    )
    for axis, workload in zip(axes[0], workloads, strict=True):
        lines: dict[tuple[str, int], list[tuple[int, float]]] = {}
        for p in points:
            if p["workload"] == workload and p["seconds"]:
                least = 1e6 * min(p["seconds"]) / p["batch"]
                lines.setdefault((p["contender"], p["threads"]), []).append((p["batch"], least))
        for (name, n), line in lines.items():
            style = "-" if name == OURS else "--"
            axis.loglog(*zip(*line, strict=True), style, marker="o", label=f"{name}, {n} threads")
        axis.set(title=workload, xlabel="batch", ylabel="microseconds per sample")
        axis.legend()
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", nargs="+", choices=list(WORKLOADS), default=list(USUAL))
    parser.add_argument("--batch", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS),
                        default=[OURS, DEFAULT_TORCH])  # fmt: skip
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="of timing in each process")
    parser.add_argument("--plot", type=Path, help="also draw the times into this file")
    parser.add_argument("--markdown", action="store_true", help="the table in Markdown")
    parser.add_argument("--json", type=Path, help="also write every timing here")
    options = parser.parse_args()
    points = measure(
        options.workload, options.batch, options.threads, installed(options.contenders),
        options.rounds, options.seconds,
    )  # fmt: skip
    print(f"{describe()}\nMilliseconds of a step, minimum (median).\n")
    print("\n".join([scaling_table(points, markdown=options.markdown), *failures(points)]))
    if options.plot:
        plot(points, options.plot)
    if options.json:
        options.json.write_text(json.dumps(points))


if __name__ == "__main__":
    main()
