"""Workloads compared: from rounds to tables of minima, medians and ratios."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from .contenders import (
    COMPILED_TORCH,
    CONTENDERS,
    DEFAULT_TORCH,
    OURS,
    Compiling,
    Round,
    rounds,
)
from .processes import run_worker
from .steps import PARTS
from .tables import digits, spread, table
from .workloads import IMAGES

# What one contender came to in all rounds: `times` (part: seconds of each step), `memory` (bytes,
# one per round) and `failure` (why it stopped, or empty). Plain values: it is written as JSON.
Measured = dict[str, Any]
ByContender = Mapping[str, Measured]


def compare(
    workloads: Sequence[str],
    contenders: Sequence[str],
    settings: Mapping[str, Any],
    count: int,
    *,
    compiled_count: int = Compiling.rounds,
    run: Callable[..., dict[str, Any]] = run_worker,
) -> dict[str, dict[str, Measured]]:
    """Return what every contender came to on every workload in `count` rounds.

    Args:
        workloads: keys of `WORKLOADS`.
        contenders: keys of `CONTENDERS`; those with channels last take part where there are images.
        settings: of the worker `steps`, without workload and contender.
        count: rounds.
        compiled_count: rounds in which those that compile take part, at most `count`.
        run: what runs a worker.
    """
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        compiling = Compiling(compiled_count, folder)
        for workload in workloads:
            names = [n for n in contenders if workload in IMAGES or not CONTENDERS[n].channels_last]
            title = f"{workload}, {settings['threads']} threads"
            own = {**settings, "workload": workload}
            done = rounds("steps", own, names, count, title=title, compiling=compiling, run=run)
            results[workload] = merge(done)
    return results


def merge(done: Iterable[Round]) -> dict[str, Measured]:
    """Return the rounds of each contender as one."""
    merged: dict[str, Measured] = {}
    for each in done:
        own = merged.setdefault(each.contender, {"times": {}, "memory": [], "failure": ""})
        if each.found is None:
            own["failure"] = each.failure
            continue
        own["memory"].append(each.found["memory"])
        for part, seconds in each.found["times"].items():
            own["times"].setdefault(part, []).extend(seconds)
    return merged


def step_times(measured: Measured | None) -> list[float]:
    """Return the seconds of whole steps, empty if there are none."""
    times: list[float] = measured["times"].get("step", []) if measured else []
    return times


def best_torch(found: ByContender) -> str | None:
    """Return the PyTorch contender with the fastest step; None where PyTorch was not measured."""
    theirs = [n for n in found if CONTENDERS[n].framework == "torch" and step_times(found[n])]
    return min(theirs, key=lambda name: min(step_times(found[name])), default=None)


def ratio(theirs: list[float], ours: list[float], *, median_too: bool = True) -> str:
    """Return how many times as long theirs takes: of the minimum, and of the median."""
    if not theirs or not ours:
        return ""
    least = f"{min(theirs) / min(ours):.2f}"
    return f"{least} ({median(theirs) / median(ours):.2f})" if median_too else least


def parts_table(results: Mapping[str, ByContender], *, markdown: bool = False) -> str:
    """Return milliseconds of the parts of a step, a line for each contender.

    As text it fits 100 columns: parts and ratios are those of the minimum alone.
    """
    rows = []
    for workload, found in results.items():
        ours = step_times(found.get(OURS))
        for name, measured in found.items():
            parts = [measured["times"].get(part, []) for part in PARTS[:-1]]
            cells = [spread(p, 1e3) if markdown or not p else digits(1e3 * min(p)) for p in parts]
            theirs = [] if name == OURS else step_times(measured)
            against = ratio(theirs, ours, median_too=markdown)
            rows.append([workload, name, *cells, milliseconds(measured), against])
    return table(["workload", "contender", *PARTS, "/ ours"], rows, names=2, markdown=markdown)


def ratio_table(results: Mapping[str, ByContender], *, markdown: bool = False) -> str:
    """Return a line for each workload: milliseconds of a step, ratios, memory.

    As text it fits 100 columns: ratios are those of the minima alone, and the milliseconds of
    other PyTorch contenders than the default are left to `parts_table`.
    """
    rows = []
    for workload, found in results.items():
        ours, default = found.get(OURS), found.get(DEFAULT_TORCH)
        best = best_torch(found)
        fastest = found[best] if best else None
        against = [
            ratio(step_times(theirs), step_times(ours), median_too=markdown)
            for theirs in (default, fastest)
        ]
        times = [milliseconds(ours), milliseconds(default), against[0]]
        memory = [megabytes(ours), megabytes(default)]
        if markdown:
            compiled = milliseconds(found.get(COMPILED_TORCH))
            others = [compiled, best or "", milliseconds(fastest), against[1]]
        else:
            others = [(best or "").removeprefix("torch-"), against[1]]
        rows.append([workload, *times, *others, *memory])
    return table(_RATIO_HEADS[markdown], rows, markdown=markdown)


_RATIO_HEADS = {
    True: ["workload", "ours", "torch", "torch / ours", "compiled", "best torch", "best",
           "best / ours", "MB ours", "MB torch"],
    False: ["workload", "ours", "torch", "/ ours", "best torch", "/ ours", "MB ours", "MB torch"],
}  # fmt: skip


def milliseconds(measured: Measured | None) -> str:
    """Return those of a step, minimum (median); a dash where it failed before there were any."""
    times = step_times(measured)
    return spread(times, 1e3) if times else "-" if measured and measured["failure"] else ""


def megabytes(measured: Measured | None) -> str:
    """Return the least memory of the rounds."""
    return digits(min(measured["memory"]) / 2**20) if measured and measured["memory"] else ""


def failures(results: Mapping[str, ByContender]) -> list[str]:
    """Return a line for each contender that did not finish."""
    return [
        f"{workload}, {name}: skipped, {measured['failure']}"
        for workload, found in results.items()
        for name, measured in found.items()
        if measured["failure"]
    ]


EXPLANATION = """\
Milliseconds of a step, minimum (median) over all rounds; ratios of the minima (of the medians),
above 1 where rushlight is faster. "best torch" is the fastest PyTorch tried; a dash stands where
one failed. MB: the most memory the process held, less what it held after the import."""
