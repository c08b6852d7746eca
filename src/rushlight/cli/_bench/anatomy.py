"""Take a step of a workload apart in this process: what runs, how long, and what is left."""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import work
from .steps import inference_step, make_task, training_step

NUMPY = "numpy"  # the family of operators without kernel
LARGE = 1 << 15  # bytes; on less a NumPy function costs more than its work
_clock = time.perf_counter


@dataclass
class Call:
    """One call of a kernel, or of an operator that calls none."""

    family: str
    name: str
    shapes: str
    seconds: float
    flops: float
    traffic: float


def main(settings: dict[str, Any]) -> dict[str, Any]:
    """Return `step`, its seconds; `operators`, how many run; `calls`, what they came to.

    Equal calls (of one kernel, with operands of the same shapes) are one entry: family, name,
    shapes, count, seconds of all of them together, flops and traffic of each. What an operator
    without kernel does, because NumPy has a function for it, is of the family "numpy" if its arrays
    are large; on small arrays it is what Python costs.

    Settings: framework, workload, threads, seconds (of timing), and optionally batch, warmup
    (steps, 10).

    Raises:
        ValueError: the framework is not rushlight.
    """
    if settings["framework"] != "rushlight":
        raise ValueError(f"expected rushlight, whose kernels are known; got {settings}")
    T = importlib.import_module("rushlight")
    T.set_num_threads(settings["threads"])
    T.manual_seed(0)
    task = make_task(T, settings)
    step = inference_step(T, task) if task.optimizer is None else training_step(T, task)
    for _ in range(settings.get("warmup", 10)):
        step()
    plain, kernels, own, operators = _take_turns(step, settings["seconds"])
    parts = max(1, task.new_letters)
    calls = _grouped([*least(kernels), *least(own)], parts)
    return {"step": min(plain), "operators": operators / parts, "calls": calls}


def _take_turns(
    step: Callable[[], dict[str, float]], seconds: float
) -> tuple[list[float], list[list[Call]], list[list[Call]], int]:
    """Return the seconds of plain steps, the kernels of others, what operators did in a third kind.

    And how many operators there were. The three take turns, to meet the same machine.
    """
    plain: list[float] = []
    kernels: list[list[Call]] = []
    own: list[list[Call]] = []
    operators = 0
    end = _clock() + seconds
    while len(plain) < 5 or _clock() < end:
        plain.append(step()["step"])
        with watched_kernels() as calls:
            step()
        kernels.append(calls)
        with watched_kernels() as calls, watched_operators(calls) as names:
            step()
        own.append([call for call in calls if call.family == NUMPY])
        operators = len(names)
    return plain, kernels, own, operators


def least(steps: list[list[Call]]) -> list[Call]:
    """Return the calls of the step in which they took least."""
    return min(steps, key=lambda calls: sum(call.seconds for call in calls))


def _grouped(calls: list[Call], parts: int) -> list[dict[str, Any]]:
    """Return equal calls as one entry, in `parts` equal shares of the step."""
    groups: dict[tuple[str, str, str, float], list[Call]] = {}
    for call in calls:
        groups.setdefault((call.family, call.name, call.shapes, call.flops), []).append(call)
    return [
        {
            "family": family,
            "name": name,
            "shapes": shapes,
            "count": len(group) / parts,
            "seconds": sum(call.seconds for call in group) / parts,
            "flops": flops,
            "traffic": max(call.traffic for call in group),
        }
        for (family, name, shapes, flops), group in groups.items()
    ]


# ---- watching ----


@contextmanager
def watched_kernels() -> Iterator[list[Call]]:
    """Add every call of a kernel to the list; one that a kernel makes belongs to it."""
    registry = importlib.import_module("rushlight.kernels._kernel")
    calls: list[Call] = []
    inside = False

    def watched(name: str, family: str, path: Any, reference: Any) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal inside
            if inside:
                return NotImplemented if path is None else path(*args, **options)
            inside, start = True, _clock()
            try:
                result = NotImplemented if path is None else path(*args, **options)
                if result is NotImplemented:
                    result = reference(*args, **options)
            finally:
                inside, seconds = False, _clock() - start
            flops = work.flops(name, args, options, result)
            moved = work.traffic(args, options, result)
            calls.append(Call(family, name, work.shapes(args), seconds, flops, moved))
            return result

        return call

    found = registry.all_kernels()  # those loaded; the others are not called
    before = [dict(kernel.active) for kernel in found]
    for kernel in found:
        for kind in (np.ndarray, list):
            path = kernel.active.get(kind)
            family = registry.family_of(kernel)
            kernel.active[kind] = watched(kernel.__name__, family, path, kernel.reference)
    try:
        yield calls
    finally:
        for kernel, active in zip(found, before, strict=True):
            kernel.active.clear()
            kernel.active.update(active)


@contextmanager
def watched_operators(calls: list[Call]) -> Iterator[list[str]]:
    """Add the operators without kernel on large arrays to the list; return the names of all.

    Their `forward` is replaced, because an interceptor would have some results computed earlier.
    """
    Op = importlib.import_module("rushlight.autograd.node").Op
    names: list[str] = []
    inner = [0.0]  # seconds, without kernels, of operators within each open one, innermost last

    def watched(forward: Callable[..., Any]) -> Callable[..., Any]:
        def call(ctx: Any, *inputs: Any, **params: Any) -> Any:
            names.append(type(ctx).__name__)
            inner.append(0.0)
            number, start = len(calls), _clock()
            result = forward(ctx, *inputs, **params)
            seconds = _clock() - start
            kernels = [call.seconds for call in calls[number:] if call.family != NUMPY]
            seconds -= sum(kernels)
            own = seconds - inner.pop()
            inner[-1] += seconds
            results = list(work.arrays(result))  # none if the next operator computes it
            used = (*work.arrays(inputs), *results)
            moved = work.traffic(used, {}, ()) if results else 0.0
            if moved >= LARGE and not (kernels or ctx.view):
                calls.append(Call(NUMPY, names[-1], work.shapes(used), own, 0.0, moved))
            return result

        return call

    found = [(kind, vars(kind).get("forward")) for kind in _below(Op)]
    found = [(kind, forward) for kind, forward in found if inspect.isfunction(forward)]
    for kind, forward in found:
        kind.forward = watched(forward)
    try:
        yield names
    finally:
        for kind, forward in found:
            kind.forward = forward


def _below(kind: type) -> Iterator[Any]:
    """Yield the classes derived from a class, each once."""
    seen: set[type] = set()
    waiting: list[Any] = [kind]
    while waiting:
        for each in waiting.pop().__subclasses__():
            if each not in seen:
                seen.add(each)
                waiting.append(each)
                yield each
