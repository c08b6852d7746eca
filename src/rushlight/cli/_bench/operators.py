"""Single operators compared: the table, and the share of what the machine can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log
from typing import Any

from .contenders import OURS, rounds
from .processes import run_worker
from .tables import digits, table

# `peak` (what the worker of that name found), `kernels` (contender: case: least and median seconds,
# flops, traffic) and `failures` (contender: reason). Plain values: they are written as JSON.
Results = dict[str, Any]


def compare(
    contenders: Sequence[str],
    settings: Mapping[str, Any],
    count: int,
    run: Callable[..., dict[str, Any]] = run_worker,
) -> Results:
    """Return the machine's peaks, and what every contender came to in `count` rounds."""
    peak = run("peak", {**settings, "framework": OURS}, title="the machine's peaks", quiet=True)
    kernels: dict[str, dict[str, Any]] = {}
    failures: dict[str, str] = {}
    for each in rounds("kernels", settings, contenders, count, title="operators", run=run):
        if each.found is None:
            failures[each.contender] = each.failure
            continue
        own = kernels.setdefault(each.contender, {})
        for name, measured in each.found.items():
            if name not in own or measured["least"] < own[name]["least"]:
                own[name] = measured
    return {"peak": peak, "kernels": kernels, "failures": failures}


def bandwidth(peak: Mapping[str, Any], size: float) -> float:
    """Return the bytes per second of a copy of that size, between the sizes measured."""
    known = [(float(n), float(speed)) for n, speed in peak["copy"]]
    below = [pair for pair in known if pair[0] <= size]
    above = [pair for pair in known if pair[0] > size]
    if not below or not above:
        return (above[0] if above else known[-1])[1]
    (n0, v0), (n1, v1) = below[-1], above[0]
    return v0 + (v1 - v0) * log(size / n0) / log(n1 / n0)


def floor(peak: Mapping[str, Any], flops: float, traffic: float) -> float:
    """Return the seconds the machine needs for the arithmetic or, if longer, the traffic."""
    return float(max(flops / peak["flops"], traffic / bandwidth(peak, traffic)))


def kernel_table(found: Results, *, markdown: bool = False) -> str:
    """Return a line for each case: arithmetic, traffic, microseconds, share, PyTorch beside."""
    ours = found["kernels"].get(OURS, {})
    others = {name: by for name, by in found["kernels"].items() if name != OURS}
    head = ["operator", "Mflop", "MB", "us", "Gflop/s", "GB/s", "share"]
    head += [title for name in others for title in (f"{name}, us", "/ ours")]
    rows = []
    for name, measured in ours.items():
        seconds, flops, traffic = (measured[key] for key in ("least", "flops", "traffic"))
        least = floor(found["peak"], flops, traffic)
        rows.append(
            [
                name,
                digits(flops / 1e6) if flops else "",
                digits(traffic / 1e6),
                f"{digits(seconds * 1e6)} ({digits(measured['median'] * 1e6)})",
                digits(flops / seconds / 1e9) if flops else "",
                digits(traffic / seconds / 1e9),
                f"{least / seconds:.0%}",
                *(cell for by in others.values() for cell in _beside(by.get(name), seconds)),
            ]
        )
    return table(head, rows, markdown=markdown)


def _beside(measured: Mapping[str, float] | None, ours: float) -> tuple[str, str]:
    if measured is None:
        return "", ""
    return digits(measured["least"] * 1e6), f"{measured['least'] / ours:.2f}"


def peak_line(found: Results) -> str:
    """Return the machine's peaks in a line."""
    peak = found["peak"]
    copies = ", ".join(f"{digits(v / 1e9)} at {_size(n)}" for n, v in peak["copy"])
    return f"Peaks: {digits(peak['flops'] / 1e9)} Gflop/s ({peak['how']}); copies, GB/s: {copies}."


def _size(n: float) -> str:
    return f"{n / 2**20:.0f} MB" if n >= 1 << 20 else f"{n / 2**10:.0f} KB"


def failure_lines(found: Results) -> list[str]:
    """Return a line for each contender that did not finish."""
    return [f"{name}: skipped, {reason}" for name, reason in found["failures"].items()]


EXPLANATION = """\
Microseconds of a call, minimum (median); MB: every input, result and gradient once. Share: the time
the machine needs for the arithmetic at its peak, or for the traffic at the speed it copies that
much (whichever is longer), as a part of the time taken. Backward includes the walk of the graph."""
