"""Time the steps of one workload in this process, and its memory."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

from .memory import forget_peak, peak, resident
from .workloads import WORKLOADS, Task

# The parts of a training step; inference has the last alone.
PARTS = ("forward", "backward", "optimizer", "step")


def main(settings: dict[str, Any]) -> dict[str, Any]:
    """Return seconds of each part of each step, and the bytes added to the process.

    Settings: framework, workload, threads, seconds (of timing), and optionally batch, warmup
    (steps, 10), channels_last, compiled.
    """
    T = importlib.import_module(settings["framework"])
    T.set_num_threads(settings["threads"])
    T.manual_seed(0)
    forget_peak()
    before = resident()
    task = make_task(T, settings)
    step = inference_step(T, task) if task.optimizer is None else training_step(T, task)
    for _ in range(settings.get("warmup", 10)):
        step()
    end = time.perf_counter() + settings["seconds"]
    times = [step()]
    while time.perf_counter() < end or len(times) < settings.get("least", 5):
        times.append(step())
    columns = {part: [t[part] for t in times] for part in PARTS if part in times[0]}
    return {"times": columns, "memory": peak() - before}


def make_task(T: Any, settings: dict[str, Any]) -> Task:
    """Return the workload with the contender's settings applied."""
    chosen = {"batch": settings["batch"]} if settings.get("batch") else {}
    task = WORKLOADS[settings["workload"]](T, **chosen)
    if settings.get("channels_last"):
        task.to_channels_last(T)
    if settings.get("compiled"):
        task.model = T.compile(task.model)
    return task


def training_step(T: Any, task: Task) -> Callable[[], dict[str, float]]:
    """Return a function that takes one step and says how long its parts took."""
    F = T.nn.functional

    def step() -> dict[str, float]:
        start = time.perf_counter()
        task.optimizer.zero_grad()
        scores = task.model(task.inputs)
        loss = F.cross_entropy(scores.reshape(-1, scores.shape[-1]), task.labels.reshape(-1))
        forward = time.perf_counter()
        loss.backward()
        backward = time.perf_counter()
        task.optimizer.step()
        end = time.perf_counter()
        return {
            "forward": forward - start,
            "backward": backward - forward,
            "optimizer": end - backward,
            "step": end - start,
        }

    return step


def inference_step(T: Any, task: Task) -> Callable[[], dict[str, float]]:
    """Return a function that computes the scores, or writes a text, and says how long it took."""
    task.model.eval()
    parts = max(1, task.new_letters)

    def step() -> dict[str, float]:
        with T.no_grad():
            start = time.perf_counter()
            task.infer()
            return {"step": (time.perf_counter() - start) / parts}

    return step
