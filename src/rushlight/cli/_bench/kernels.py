"""Time single operators in this process."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from .cases import chosen


def main(settings: dict[str, Any]) -> dict[str, Any]:
    """Return by case the least and the median seconds of a call, its flops and its bytes.

    Settings: framework, threads, seconds (of timing for each), only (texts, see `cases.chosen`).
    """
    T = importlib.import_module(settings["framework"])
    T.set_num_threads(settings["threads"])
    found = {}
    for case in chosen(settings.get("only", [])):
        T.manual_seed(0)
        call, traffic = case.prepare(T)
        times = seconds_per_call(call, settings["seconds"])
        found[case.key] = {
            "least": min(times),
            "median": median(times),
            "flops": case.flops,
            "traffic": traffic,
        }
    return found


def seconds_per_call(call: Callable[[], Any], seconds: float) -> list[float]:
    """Return samples of the seconds of one call; a sample of fast calls is the mean of several."""
    for _ in range(3):
        start = time.perf_counter()
        call()
        once = time.perf_counter() - start
    number = max(1, int(20e-6 / once))
    end = time.perf_counter() + seconds
    samples: list[float] = []
    while time.perf_counter() < end or len(samples) < 5:
        start = time.perf_counter()
        for _ in range(number):
            call()
        samples.append((time.perf_counter() - start) / number)
    return samples
