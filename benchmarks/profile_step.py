"""Where the time of a step goes: milliseconds by kernel, what the machine could do, what is left.

    python -m benchmarks.profile_step                          # every workload, 1 thread
    python -m benchmarks.profile_step --workload lenet gpt --kernels
    python -m benchmarks.profile_step --workload resnet18 --kernels --shapes

A line for each workload, or for each of its kernels. Share: the time the machine needs for the
arithmetic or the traffic of each call (whichever is longer, by its measured peaks) as a part of
the time the calls took. NumPy: operators without a kernel, on large arrays. Python: what is left of
the step: the interpreter, and NumPy on small arrays or outside operators.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _bench.contenders import OURS
from _bench.machine import describe
from _bench.operators import floor, peak_line
from _bench.processes import WorkerFailed, progress, run_worker
from _bench.tables import digits, table
from _bench.workloads import WORKLOADS

# The columns of the summary: title, families of kernels (the last column takes those not named).
GROUPS = (
    ("conv", ("conv",)),
    ("products", ("gemm",)),
    ("recurrent", ("recurrent",)),
    ("attention", ("attention",)),
    ("optimizer", ("optim",)),
    ("NumPy", ("numpy",)),
    ("other kernels", ()),
)
Profile = dict[str, Any]  # what the worker `anatomy` found


def measure(
    workloads: Sequence[str],
    threads: int,
    seconds: float,
    batch: int | None = None,
    run: Callable[..., dict[str, Any]] = run_worker,
) -> dict[str, Any]:
    """Return `peak`, the machine's, `profiles` by workload, and `failures`, reasons by workload."""
    settings = {"framework": OURS, "threads": threads, "seconds": seconds, "batch": batch}
    peaks = {**settings, "seconds": seconds / 10}
    peak = run("peak", peaks, title="the machine's peaks", quiet=True)
    profiles, failures = {}, {}
    for name in workloads:
        try:
            own = {**settings, "workload": name}
            profiles[name] = run("anatomy", own, title=f"profile of {name}", quiet=True)
        except WorkerFailed as failure:
            failures[name] = failure.reason
    progress("")
    return {"peak": peak, "profiles": profiles, "failures": failures}


def least(peak: Mapping[str, Any], calls: Iterable[Mapping[str, Any]]) -> float:
    """Return the seconds the machine needs for these calls."""
    return sum(c["count"] * floor(peak, c["flops"], c["traffic"]) for c in calls)


def _seconds(calls: Iterable[Mapping[str, Any]]) -> float:
    return float(sum(c["seconds"] for c in calls))


def summary_table(found: Mapping[str, Any], *, markdown: bool = False) -> str:
    """Return a line for each workload: the step, its parts by group, the share of the peak."""
    titles = [title for title, _ in GROUPS]
    head = ["workload", "step, ms", "least, ms", "share", "operators", *titles, "Python"]
    named = {family for _, families in GROUPS for family in families}
    rows = []
    for workload, profile in found["profiles"].items():
        step, calls = profile["step"], profile["calls"]
        floors = least(found["peak"], calls)
        cells = [digits(1e3 * step), digits(1e3 * floors), f"{floors / step:.0%}"]
        cells.append(f"{profile['operators']:.0f}")
        for _, families in GROUPS:
            mine = [
                c for c in calls
                if (c["family"] in families if families else c["family"] not in named)
            ]  # fmt: skip
            cells.append(_part(found["peak"], mine, step))
        rows.append([workload, *cells, f"{_left(profile) / step:.0%}"])
    return table(head, rows, markdown=markdown)


def _part(peak: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], step: float) -> str:
    """Return the part of the step, and the share of the peak that was reached in it."""
    seconds = _seconds(calls)
    return f"{seconds / step:.0%} ({least(peak, calls) / seconds:.0%})" if seconds else ""


def _left(profile: Profile) -> float:
    """Return the seconds in which nothing that was watched ran."""
    return max(0.0, float(profile["step"]) - _seconds(profile["calls"]))


def kernel_table(
    peak: Mapping[str, Any], profile: Profile, *, shapes: bool = False, markdown: bool = False
) -> str:
    """Return a line for each kernel (and the shapes it met), the longest first; then the rest."""
    step = profile["step"]
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for call in profile["calls"]:
        key = (f"{call['family']} {call['name']}", *([call["shapes"]] if shapes else []))
        groups.setdefault(key, []).append(call)
    rows = []
    for key, calls in sorted(groups.items(), key=lambda item: -_seconds(item[1])):
        seconds, flops, traffic = _seconds(calls), _sum(calls, "flops"), _sum(calls, "traffic")
        rows.append(
            [
                *key,
                f"{sum(c['count'] for c in calls):.3g}",
                digits(1e3 * seconds),
                f"{seconds / step:.1%}",
                digits(flops / seconds / 1e9) if flops else "",
                digits(traffic / seconds / 1e9),
                f"{least(peak, calls) / seconds:.0%}",
            ]
        )
    names = 2 if shapes else 1
    for title, seconds in (("Python", _left(profile)), ("step", step)):
        cells = [title, *[""] * names, digits(1e3 * seconds), f"{seconds / step:.1%}", "", "", ""]
        rows.append(cells)
    head = ["kernel", *(["operands"] if shapes else []), "calls", "ms", "of step", "Gflop/s"]
    return table([*head, "GB/s", "share"], rows, names=names, markdown=markdown)


def _sum(calls: Iterable[Mapping[str, Any]], what: str) -> float:
    return float(sum(c["count"] * c[what] for c in calls))


def failure_lines(found: Mapping[str, Any]) -> list[str]:
    """Return a line for each workload that could not be profiled."""
    return [f"{name}: skipped, {reason}" for name, reason in found["failures"].items()]


def main() -> None:
    """Profile what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--kernels", action="store_true", help="a table for each workload")
    parser.add_argument("--shapes", action="store_true", help="--kernels apart by their operands")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="of timing for each workload")
    parser.add_argument("--batch", type=int, help="in place of the workload's own")
    parser.add_argument("--markdown", action="store_true", help="tables in Markdown")
    parser.add_argument("--json", type=Path, help="also write what was measured here")
    options = parser.parse_args()
    found = measure(options.workload, options.threads, options.seconds, options.batch)
    print(f"{describe()}; {options.threads} threads\n{peak_line(found)}\n")
    if options.kernels or options.shapes:
        for name, profile in found["profiles"].items():
            made = kernel_table(
                found["peak"], profile, shapes=options.shapes, markdown=options.markdown
            )
            print(f"{name}: {profile['operators']:.0f} operators\n\n{made}\n")
    else:
        print(summary_table(found, markdown=options.markdown))
    print("\n".join(failure_lines(found)))
    if options.json:
        options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
