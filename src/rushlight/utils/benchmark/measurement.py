"""What a timer has measured, and the numbers drawn from it."""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np

_UNITS = {-3: "ns", -2: "us", -1: "ms"}
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_ENGLISH = {"ns": "nanosecond", "us": "microsecond", "ms": "millisecond", "s": "second"}
# No clock and no machine gives a time more exactly than this.
_FINEST = 25e-9
_MOST_FIGURES = 5
_SPREAD_TO_WARN_OF = 0.1
_SPREAD_TO_WARN_OF_LOUDLY = 0.25


def select_unit(seconds: float) -> tuple[str, float]:
    """Return the unit that suits a time, and its length in seconds.

    Example:
        >>> rushlight.utils.benchmark.select_unit(0.002)
        ('ms', 0.001)
    """
    power = math.floor(math.log10(seconds)) // 3 if seconds > 0 else -3
    unit = _UNITS.get(max(power, -3), "s")
    return unit, _SECONDS[unit]


def unit_to_english(unit: str) -> str:
    """Return a unit's full name."""
    return _ENGLISH[unit]


def trim_sigfig(number: float, figures: int) -> float:
    """Round a number to so many significant figures.

    Example:
        >>> rushlight.utils.benchmark.trim_sigfig(1234.5, 2)
        1200.0
    """
    if not number:
        return 0.0
    scale = 10 ** (math.ceil(math.log10(abs(number))) - figures)
    return float(round(number / scale) * scale)


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """What was timed, and under which names it is to appear."""

    stmt: str
    setup: str = "pass"
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label, or the statement, with the sub-label."""
        if self.label is None:
            return self.stmt if self.sub_label is None else f"{self.stmt}: {self.sub_label}"
        return self.label + (f": {self.sub_label}" if self.sub_label else "")

    def setup_str(self) -> str:
        """Return the setup, if there is one, as it is shown."""
        if self.setup == "pass" or not self.setup:
            return ""
        several = "\n" in self.setup
        return f"setup:\n{textwrap.indent(self.setup, '  ')}" if several else f"setup: {self.setup}"

    def summarize(self) -> str:
        """Return all of it in a few lines."""
        lines = [self.title, self.description or "", self.setup_str()]
        return "\n".join(line for line in lines if line)


class Measurement:
    """Times of a statement.

    Args:
        number_per_run: how often the statement ran for each of the times.
        raw_times: the times in seconds.
        task_spec: what was timed.
        metadata: whatever else is to be kept.
    """

    def __init__(
        self, number_per_run: int, raw_times: list[float], task_spec: TaskSpec, metadata: Any = None
    ):
        self.number_per_run, self.raw_times = number_per_run, raw_times
        self.task_spec, self.metadata = task_spec, metadata

    def __getattr__(self, name: str) -> Any:
        if name in TaskSpec.__dataclass_fields__:
            return getattr(self.task_spec, name)
        raise AttributeError(f"'Measurement' object has no attribute '{name}'")

    @property
    def times(self) -> list[float]:
        """Seconds of one execution, one for each time measured."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self) -> float:
        """The median of `times`."""
        return float(np.median(self._checked()))

    @property
    def mean(self) -> float:
        """The mean of `times`."""
        return float(np.mean(self._checked()))

    @property
    def iqr(self) -> float:
        """Distance between the first and the third quartile."""
        low, high = np.quantile(self._checked(), [0.25, 0.75])
        return float(high - low)

    def _checked(self) -> list[float]:
        if not self.raw_times:
            raise AssertionError("No times have been measured")
        return self.times

    @property
    def significant_figures(self) -> int:
        """How many figures of the median mean something, by the spread of the middle half."""
        times = sorted(self._checked())
        middle = times[len(times) // 4 : max(math.ceil(3 * len(times) / 4), 1)]
        deviation = float(np.std(middle)) if len(middle) > 1 else 0.0
        interval = max(1.645 * deviation / math.sqrt(len(times)), _FINEST)
        return max(1, min(math.floor(math.log10(max(self.median / interval, 1))), _MOST_FIGURES))

    @property
    def has_warnings(self) -> bool:
        """Whether the times differ so much that the result is in doubt."""
        return not self.meets_confidence()

    def meets_confidence(self, threshold: float = _SPREAD_TO_WARN_OF) -> bool:
        """Tell whether the quartiles are close together, relative to the median."""
        return self.iqr / self.median < threshold

    @property
    def title(self) -> str:
        """The title of what was timed."""
        return self.task_spec.title

    @property
    def env(self) -> str | None:
        """The environment's name."""
        return self.task_spec.env

    @property
    def as_row_name(self) -> str:
        """What a row of a table is called."""
        return self.sub_label or self.stmt or "[Unknown]"

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Join measurements of the same task."""
        groups: dict[TaskSpec, list[Measurement]] = {}
        for measurement in measurements:
            groups.setdefault(measurement.task_spec, []).append(measurement)
        return [
            Measurement(1, [t for m in group for t in m.times], spec)
            for spec, group in groups.items()
        ]

    def __repr__(self) -> str:
        unit, scale = select_unit(self.median)
        lines = [f"{object.__repr__(self)}", self.task_spec.summarize()]
        count, runs, threads = len(self.raw_times), self.number_per_run, self.num_threads
        if count == 1:
            lines.append(f"  {self.median / scale:.2f} {unit}")
        else:
            low, high = np.quantile(self.times, [0.25, 0.75]) / scale
            lines.append(f"  Median: {self.median / scale:.2f} {unit}")
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit} ({low:.2f} to {high:.2f})")
        each = "per measurement" if count > 1 else ""
        lines.append(
            f"  {count} measurement{'s' * (count > 1)}, {runs} runs {each}, "
            f"{threads} thread{'s' * (threads > 1)}"
        )
        return "\n".join(lines + self._warnings())

    def _warnings(self) -> list[str]:
        spread = self.iqr / self.median
        if spread < _SPREAD_TO_WARN_OF:
            return []
        lines = [
            f"  WARNING: Interquartile range is {spread * 100:.1f}% of the median measurement."
        ]
        if spread > _SPREAD_TO_WARN_OF_LOUDLY:
            lines.append("           This suggests significant environmental influence.")
        else:
            lines.append("           This could indicate system fluctuation.")
        return lines
