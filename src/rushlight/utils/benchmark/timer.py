"""Timing of Python statements."""

from __future__ import annotations

import contextlib
import enum
import textwrap
import timeit
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import rushlight

from ..._threads import get_num_threads, set_num_threads
from .measurement import Measurement, TaskSpec

timer = timeit.default_timer


class Language(enum.Enum):
    """The language of a statement; only Python's are timed."""

    PYTHON = 0
    CPP = 1


@contextlib.contextmanager
def set_torch_threads(n: int) -> Iterator[None]:
    """Let operators use `n` threads inside the context."""
    before = get_num_threads()
    set_num_threads(n)
    try:
        yield
    finally:
        set_num_threads(before)


class Timer:
    """Times a statement, with so many threads, after a setup and runs to warm up.

    Args:
        stmt: the statement, or several lines of them.
        setup: runs before, untimed.
        global_setup: for C++ only.
        timer: the clock.
        globals: names the statements use; `torch` is there in any case.
        label: what is timed, in a table its title.
        sub_label: tells measurements of one label apart, in a table its row.
        description: as above, in a table its column.
        env: the environment.
        num_threads: how many threads operators use.
        language: Python.

    Raises:
        NotImplementedError: the language is C++.
        ValueError: the language is not known.

    Example:
        >>> clock = rushlight.utils.benchmark.Timer("x * 2", globals={"x": rushlight.ones(3)})
        >>> clock.timeit(10).number_per_run
        10
    """

    def __init__(
        self, stmt: str = "pass", setup: str = "pass", global_setup: str = "",
        timer: Callable[[], float] = timer, globals: dict[str, Any] | None = None,
        label: str | None = None, sub_label: str | None = None, description: str | None = None,
        env: str | None = None, num_threads: int = 1, language: Language | str = Language.PYTHON,
    ):  # fmt: skip
        _check_language(language)
        if global_setup:
            raise ValueError(f"global_setup is C++ only, got `{global_setup}`. Most likely this "
                             "code can simply be moved to `setup`.")  # fmt: skip
        names = {"torch": rushlight, "rushlight": rushlight, **(globals or {})}
        stmt, setup = _dedented(stmt), _dedented(setup)
        self._globals = names
        self._timer = timeit.Timer(stmt=stmt, setup=setup, timer=timer, globals=names)
        self._task_spec = TaskSpec(stmt, setup, "", label, sub_label, description, env, num_threads)

    def timeit(self, number: int = 1000000) -> Measurement:
        """Run the statement so many times and return how long that took."""
        with set_torch_threads(self._task_spec.num_threads):
            self._timer.timeit(max(number // 100, 2))  # the first runs are slower
            return self._measured(number, [self._timer.timeit(number)])

    def repeat(self, repeat: int = -1, number: int = -1) -> None:
        """Refuse: `blocked_autorange` does it better.

        Raises:
            NotImplementedError: in any case.
        """
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback: Callable[[int, float], Any] | None = None) -> None:
        """Refuse: `blocked_autorange` does it better.

        Raises:
            NotImplementedError: in any case.
        """
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _measured(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, self._task_spec)

    def _block_size(self, min_run_time: float) -> int:
        """Return how many runs take long enough for the clock not to matter."""
        overhead = float(np.median([self._timer.timeit(0) for _ in range(5)]))
        number = 1
        while True:
            taken = self._timer.timeit(number)
            share = overhead / taken if taken else 1.0
            if share <= 1e-4 and taken >= min_run_time / 1000:
                return number
            if taken > min_run_time:
                return number
            number *= 10

    def _blocks(
        self, number: int, callback: Any, min_run_time: float, stop: Callable[[list[float]], bool],
        max_run_time: float,
    ) -> list[float]:  # fmt: skip
        times: list[float] = []
        total = 0.0
        while total < min_run_time or (not stop(times) and total < max_run_time):
            times.append(self._timer.timeit(number))
            total += times[-1]
            if callback is not None:
                callback(number, times[-1])
        return times

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Run the statement in blocks for at least so many seconds.

        Args:
            callback: called with the number of runs and the time of each block.
            min_run_time: the seconds.
        """
        with set_torch_threads(self._task_spec.num_threads):
            number = self._block_size(min_run_time)
            times = self._blocks(number, callback, min_run_time, bool, min_run_time)
        return self._measured(number, times)

    def adaptive_autorange(
        self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:  # fmt: skip
        """Run the statement in blocks until their times agree.

        Args:
            threshold: how far apart the quartiles may be, relative to the median.
            min_run_time: seconds to run at least.
            max_run_time: seconds after which to give up.
            callback: called with the number of runs and the time of each block.
        """

        def agree(times: list[float]) -> bool:
            return len(times) > 3 and self._measured(number, times).meets_confidence(threshold)

        with set_torch_threads(self._task_spec.num_threads):
            number = self._block_size(min_run_time)
            times = self._blocks(number, callback, min_run_time, agree, max_run_time)
        return self._measured(number, times)


def _check_language(language: Language | str) -> None:
    if language in (Language.CPP, "cpp", "c++", "C++"):
        raise NotImplementedError("Timer: statements of C++ are not timed here")
    if language not in (Language.PYTHON, "py", "python"):
        raise ValueError(f"Invalid language `{language}`.")


def _dedented(code: str) -> str:
    """Return a block of code without the indentation it has in the program around it."""
    text = textwrap.dedent(code)
    return text.strip("\n").rstrip() if "\n" in text else text
