"""Tables that set measurements beside each other."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Sequence
from typing import Any

from .measurement import Measurement, select_unit, trim_sigfig, unit_to_english

_BEST, _GOOD, _BAD, _RESET = (
    "\033[92m\033[1m",
    "\033[34m\033[1m",
    "\033[31m\033[1m",
    "\033[0m\033[0m",
)


class Colorize(enum.Enum):
    """What a colour compares a time with: nothing, its column's best, or its row's."""

    NONE = "none"
    COLUMNWISE = "columnwise"
    ROWWISE = "rowwise"


class Compare:
    """A table for each label: a column for each description, a row for each sub-label.

    Args:
        results: the measurements.

    Example:
        >>> Timer = rushlight.utils.benchmark.Timer
        >>> results = [Timer("1 + 1", description=d, label="sum").timeit(9) for d in ("a", "b")]
        >>> print(str(rushlight.utils.benchmark.Compare(results)).splitlines()[1].split())
        ['|', 'a', '|', 'b']
    """

    def __init__(self, results: list[Measurement]):
        self._results: list[Measurement] = []
        self.extend_results(results)
        self._trim_significant_figures = False
        self._colorize = Colorize.NONE
        self._highlight_warnings = False

    def extend_results(self, results: Iterable[Any]) -> None:
        """Add measurements.

        Raises:
            ValueError: something else is among them.
        """
        results = list(results)
        for result in results:
            if not isinstance(result, Measurement):
                raise ValueError(
                    f"Expected an instance of `Measurement`, got {type(result)} instead."
                )
        self._results += results

    def trim_significant_figures(self) -> None:
        """Show no more figures than mean something."""
        self._trim_significant_figures = True

    def colorize(self, rowwise: bool = False) -> None:
        """Colour the best times, and those far from them."""
        self._colorize = Colorize.ROWWISE if rowwise else Colorize.COLUMNWISE

    def highlight_warnings(self) -> None:
        """Mark times that differed much while they were measured."""
        self._highlight_warnings = True

    def print(self) -> None:
        """Print the tables."""
        print(self)

    def __str__(self) -> str:
        merged = Measurement.merge(self._results)
        labels = dict.fromkeys(m.label for m in merged)
        tables = [self._table([m for m in merged if m.label == label]) for label in labels]
        return "\n".join(tables)

    def _table(self, results: Sequence[Measurement]) -> str:
        unit, scale = select_unit(min(m.median for m in results))
        environments = list(dict.fromkeys(m.env for m in results))
        rows = list(dict.fromkeys((m.num_threads, m.env, m.as_row_name) for m in results))
        rows.sort(key=lambda row: row[0])
        titles = list(dict.fromkeys(m.description or "" for m in results))
        columns = [
            self._column(title, [m for m in results if (m.description or "") == title], rows, scale)
            for title in titles
        ]
        if self._colorize is not Colorize.NONE:
            columns = self._coloured(columns)
        names = [
            f"      {name}" if len(environments) == 1 else f"  ({environment})  {name}"
            for _, environment, name in rows
        ]
        return _render(results[0].label or "", titles, names, rows, columns, unit)

    def _column(
        self, title: str, results: Sequence[Measurement], rows: Sequence[Any], scale: float
    ) -> list[tuple[float | None, str]]:
        """Return the value and the text of each cell of a column."""
        found = {(m.num_threads, m.env, m.as_row_name): m for m in results}
        decimals = 1
        if self._trim_significant_figures:
            decimals = min(_decimals(m, m.median / scale) for m in results)
        cells: list[tuple[float | None, str]] = []
        for row in rows:
            measurement = found.get(row)
            if measurement is None:
                cells.append((None, ""))
                continue
            value = measurement.median / scale
            if self._trim_significant_figures:
                value = trim_sigfig(value, measurement.significant_figures)
            mark = ""
            if self._highlight_warnings and measurement.has_warnings:
                mark = f" (! {100 * measurement.iqr / measurement.median:.0f}%)"
            cells.append((value, f"{value:.{decimals}f}{mark}"))
        return cells

    def _coloured(self, columns: list[Any]) -> list[Any]:
        by_row = self._colorize is Colorize.ROWWISE
        groups = list(zip(*columns, strict=True)) if by_row else columns
        painted = [_painted(group) for group in groups]
        return [list(column) for column in zip(*painted, strict=True)] if by_row else painted


def _decimals(measurement: Measurement, value: float) -> int:
    """Return how many digits after the point mean something."""
    return max(measurement.significant_figures - math.ceil(math.log10(value)), 0)


def _painted(cells: Sequence[tuple[float | None, str]]) -> list[tuple[float | None, str]]:
    best = min((value for value, _ in cells if value is not None), default=0.0)

    def colour(value: float | None) -> str:
        if value is None:
            return ""
        ratio = value / best if best else 1.0
        return _BEST if ratio <= 1.1 else _GOOD if ratio <= 1.5 else _BAD if ratio > 5 else ""

    width = max(len(text) for _, text in cells)
    texts = [(value, text.rjust(width)) for value, text in cells]
    return [
        (value, f"{colour(value)}{text}{_RESET}" if colour(value) else text)
        for value, text in texts
    ]


def _length(text: str) -> int:
    """Return how many columns a text takes, colours left out."""
    for code in (_BEST, _GOOD, _BAD, _RESET):
        text = text.replace(code, "")
    return len(text)


def _render(
    label: str, titles: Sequence[str], names: Sequence[str], rows: Sequence[Any],
    columns: Sequence[Sequence[tuple[float | None, str]]], unit: str,
) -> str:  # fmt: skip
    first = max(len(name) for name in names)
    widths = [
        max(len(title), *(_length(text) for _, text in column))
        for title, column in zip(titles, columns, strict=True)
    ]

    def line(name: str, cells: Iterable[str]) -> str:
        return "  |  ".join([name.ljust(first), *cells])

    head = line("", [t.center(w) for t, w in zip(titles, widths, strict=True)])
    total = len(head)
    lines = [f"[{f' {label} '.center(total - 2, '-')}]", head]
    threads = None
    for i, (name, row) in enumerate(zip(names, rows, strict=True)):
        if row[0] != threads:
            threads = row[0]
            lines.append(f"{threads} threads: ".ljust(total, "-"))
        texts = [column[i][1] for column in columns]
        cells = [" " * (w - _length(t)) + t for t, w in zip(texts, widths, strict=True)]
        lines.append(line(name, cells))
    return "\n".join([*lines, "", f"Times are in {unit_to_english(unit)}s ({unit}).", ""])
