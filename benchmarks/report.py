"""Measure everything and write the tables into docs/performance.md, between their markers.

    python -m benchmarks.report                              # all sections: about three hours
    python -m benchmarks.report --only train-2 kernels       # some of them
    python -m benchmarks.report --list                       # their names
    python -m benchmarks.report --rounds 1 --seconds 0.1     # a quick look

A section is what stands between `<!-- measured: NAME -->` and `<!-- end: NAME -->`. Each is written
as soon as it is measured, so an interrupted run keeps what it has.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from _bench import operators, results, workloads
from _bench.contenders import CONTENDERS, DEFAULT_TORCH, OURS, USUAL, Compiling, installed
from _bench.machine import Disturbance, describe
from _bench.operators import peak_line
from _bench.tables import digits, table

from . import ROOT, overhead, profile_step, scaling, targets as goals

PAGE = ROOT / "docs" / "performance.md"


def steps(names: Iterable[str], threads: int) -> Callable[[argparse.Namespace], str]:
    """Return the section of whole steps of these workloads with so many threads."""

    def section(options: argparse.Namespace) -> str:
        settings = {"threads": threads, "seconds": options.seconds}
        found = results.compare(
            [name for name in names if name in options.workload],
            installed(USUAL, options.without),
            settings,
            options.rounds,
            compiled_count=options.compile_rounds,
        )
        parts = [results.ratio_table(found, markdown=True), *results.failures(found)]
        if threads > 1:
            parts.append("Parts of a step, milliseconds, minimum (median):")
            parts.append(results.parts_table(found, markdown=True))
        return "\n\n".join(parts)

    return section


def targets(options: argparse.Namespace) -> str:
    """Return the section of targets, from the sections measured before."""
    return goals.targets_table(options.page.read_text())


def profile(options: argparse.Namespace) -> str:
    """Return the section of where the time of a step goes."""
    found = profile_step.measure(options.workload, 1, 2 * options.seconds)
    made = profile_step.summary_table(found, markdown=True)
    return "\n\n".join([peak_line(found), made, *profile_step.failure_lines(found)])


def kernels(options: argparse.Namespace) -> str:
    """Return the section of single operators."""
    settings = {"threads": 2, "seconds": options.seconds / 10}
    plain = (n for n, c in CONTENDERS.items() if not (c.compiled or c.channels_last))
    names = installed(plain, options.without)
    found = operators.compare(names, settings, options.rounds)
    parts = [peak_line(found), operators.kernel_table(found, markdown=True)]
    return "\n\n".join([*parts, *operators.failure_lines(found)])


def small(options: argparse.Namespace) -> str:
    """Return the section of operators on one element."""
    done = overhead.measure(options.rounds, options.seconds / 3)
    return overhead.overhead_table(done, markdown=True)


def batches(options: argparse.Namespace) -> str:
    """Return the section of batches and threads."""
    points = scaling.measure(
        scaling.USUAL, scaling.BATCHES, (1, 2), installed((OURS, DEFAULT_TORCH), options.without),
        options.rounds, options.seconds / 2,
    )  # fmt: skip
    return "\n\n".join([scaling.scaling_table(points, markdown=True), *scaling.failures(points)])


def from_command(options: argparse.Namespace, *words: str) -> list[dict[str, Any]]:
    """Return the rows of a `rushlight bench` command."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows.json")
        more = ["--threads", "2", "--rounds", str(options.rounds), "--json", str(file)]
        more += ["--without", *options.without] if options.without else []
        command = [sys.executable, "-m", "rushlight", "bench", *words, *more]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        rows: list[dict[str, Any]] = json.loads(file.read_text())
        return rows


def fused(options: argparse.Namespace) -> str:
    """Return the section of the fused convolution and ReLU."""
    some = ["--images", str(options.images)] if options.images else []
    rows = from_command(options, "conv-relu", *some)
    parts = ("total", "forward", "backward", "other")
    lines = [
        [str(row["count"]), row["network"], row["framework"], *(digits(row[p]) for p in parts)]
        for row in rows
    ]
    head = ["convolutions", "network", "framework", *parts]
    note = f"\n\nThe first {options.images} images only." if options.images else ""
    return table(head, lines, names=3, markdown=True) + note


def matmul(options: argparse.Namespace) -> str:
    """Return the section of the matrix product."""
    lines = [
        [
            row["library"],
            digits(1e3 * row["first"]),
            digits(1e3 * row["best"]),
            digits(2e-9 * row["n"] ** 3 / row["best"]),
        ]
        for row in from_command(options, "matmul")
    ]
    return table(["library", "first call, ms", "best, ms", "Gflop/s"], lines, markdown=True)


def accuracy(options: argparse.Namespace) -> str:
    """Return the section of errors against float64."""
    script = ROOT / "tests" / "oracle" / "kernel_accuracy.py"
    command = [sys.executable, str(script), "--summary", "--markdown"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


SECTIONS: dict[str, Callable[[argparse.Namespace], str]] = {
    "train-2": steps(workloads.USUAL, 2),
    "train-1": steps(workloads.USUAL, 1),
    "others-2": steps(workloads.OTHERS, 2),
    "others-1": steps(workloads.OTHERS, 1),
    "fused": fused,
    "matmul": matmul,
    "kernels": kernels,
    "overhead": small,
    "scaling": batches,
    "accuracy": accuracy,
    "targets": targets,
    "profile": profile,
}
# What is no measurement of its own has no use for a machine and a day below it.
DERIVED = frozenset(("targets",))


def replace(page: str, name: str, text: str) -> str:
    """Return the page with a section's contents replaced.

    Raises:
        ValueError: the page lacks one of the section's markers.
    """
    old = goals.section(page, name)
    start = f"<!-- measured: {name} -->"
    return page.replace(f"{start}{old}", f"{start}\n\n{text}\n\n")


def level() -> str:
    """Return the capability level of rushlight's kernels, asked in a process of its own."""
    code = "from rushlight.kernels import _native; print(_native.level())"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def stamp(others: float | None) -> str:
    """Return the machine, kernels, day, and whether other programs disturbed the measurement."""
    words = [describe(), f"kernels {level()}", time.strftime("%Y-%m-%d")]
    if others is not None and others > 0.03:
        words.append(f"other programs took {others:.0%} of the processors meanwhile")
    return f"*{'; '.join(words)}.*"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    made.add_argument("--workload", nargs="+", choices=list(workloads.WORKLOADS), metavar="NAME",
                      default=list(workloads.WORKLOADS),
                      help="the lines of steps and profiles (default: all)")  # fmt: skip
    made.add_argument("--list", action="store_true", help="print the sections' names and stop")
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--compile-rounds", type=int, default=Compiling.rounds, metavar="ROUNDS",
                      help="of torch-compile (default: %(default)s; 0 leaves it out)")  # fmt: skip
    made.add_argument("--seconds", type=float, default=1.0,
                      help="of timing for a step in each round; less for an operator")  # fmt: skip
    made.add_argument("--without", nargs="+", default=[], choices=list(CONTENDERS),
                      help="contenders to leave out; torch-compile takes long")  # fmt: skip
    made.add_argument("--page", type=Path, default=PAGE, help="default: docs/performance.md")
    made.add_argument("--images", type=int, help="of MNIST, for `fused` (default: all)")
    return made


def main(words: Sequence[str] | None = None) -> None:
    """Measure the sections the command line asks for."""
    options = parser().parse_args(words)
    if options.list:
        print("\n".join(SECTIONS))
        return
    for name in options.only:
        start, disturbance = time.monotonic(), Disturbance()
        text = SECTIONS[name](options)
        if name not in DERIVED:
            text = f"{text}\n\n{stamp(None if name == 'accuracy' else disturbance.share())}"
        options.page.write_text(replace(options.page.read_text(), name, text))
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
