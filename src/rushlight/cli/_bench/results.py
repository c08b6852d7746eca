"""Workloads compared: from rounds to tables of minima, medians and ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from .contenders import CONTENDERS, DEFAULT_TORCH, OURS, Round, rounds
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
    run: Callable[..., dict[str, Any]] = run_worker,
) -> dict[str, dict[str, Measured]]:
    """Return what every contender came to on every workload in `count` rounds.

    Args:
        workloads: keys of `WORKLOADS`.
        contenders: keys of `CONTENDERS`; those with channels last take part where there are images.
        settings: of the worker `steps`, without workload and contender.
        count: rounds.
        run: what runs a worker.
    """
    results = {}
    for workload in workloads:
        names = [n for n in contenders if workload in IMAGES or not CONTENDERS[n].channels_last]
        title = f"{workload}, {settings['threads']} threads"
        own = {**settings, "workload": workload}
        results[workload] = merge(rounds("steps", own, names, count, title=title, run=run))
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


def ratio(theirs: list[float], ours: list[float]) -> str:
    """Return how many times as long theirs takes: of the minimum, and of the median."""
    if not theirs or not ours:
        return ""
    return f"{min(theirs) / min(ours):.2f} ({median(theirs) / median(ours):.2f})"


def parts_table(results: Mapping[str, ByContender], *, markdown: bool = False) -> str:
    """Return milliseconds of the parts of a step, a line for each contender."""
    rows = []
    for workload, found in results.items():
        ours = step_times(found.get(OURS))
        for name, measured in found.items():
            cells = [spread(measured["times"].get(part, []), 1e3) for part in PARTS]
            against = "" if name == OURS else ratio(step_times(measured), ours)
            rows.append([workload, name, *cells, against])
    return table(["workload", "contender", *PARTS, "/ ours"], rows, names=2, markdown=markdown)


def ratio_table(results: Mapping[str, ByContender], *, markdown: bool = False) -> str:
    """Return a line for each workload: milliseconds of a step, ratios, memory."""
    rows = []
    for workload, found in results.items():
        ours, default = found.get(OURS), found.get(DEFAULT_TORCH)
        best = best_torch(found)
        against_best = ratio(step_times(found[best]), step_times(ours)) if best else ""
        rows.append(
            [
                workload,
                best or "",
                spread(step_times(ours), 1e3),
                spread(step_times(default), 1e3),
                ratio(step_times(default), step_times(ours)),
                spread(step_times(found[best]), 1e3) if best else "",
                against_best,
                megabytes(ours),
                megabytes(default),
            ]
        )
    head = ["workload", "best torch", "ours", "torch", "torch / ours", "best", "best / ours"]
    head += ["MB ours", "MB torch"]
    return table(head, rows, names=2, markdown=markdown)


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
above 1 where rushlight is faster. "best" is the fastest PyTorch tried. MB: the most memory the
process held, less what it held after the import."""
