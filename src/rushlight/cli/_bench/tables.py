"""Tables as text with aligned columns, or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

Rows = Sequence[Sequence[str]]


def table(head: Sequence[str], rows: Rows, *, names: int = 1, markdown: bool = False) -> str:
    """Return the table; the first `names` columns are words, the others numbers on the right.

    Example:
        >>> from rushlight.cli._bench.tables import table
        >>> print(table(["workload", "ms"], [["mlp", "1.25"], ["lenet", "10.00"]]))
        workload     ms
        mlp        1.25
        lenet     10.00
        >>> print(table(["workload", "ms"], [["mlp", "1.25"]], markdown=True))
        | workload | ms |
        |---|---:|
        | mlp | 1.25 |
    """
    if markdown:
        rule = ["---" if column < names else "---:" for column in range(len(head))]
        lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
        return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:]])
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:<{width}}" if column < names else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    )


def spread(values: Sequence[float], scale: float = 1.0) -> str:
    """Return minimum and median, as `1.23 (1.40)`; nothing where nothing was measured.

    Example:
        >>> from rushlight.cli._bench.tables import spread
        >>> spread([0.003, 0.001, 0.002], 1e3)
        '1.00 (2.00)'
    """
    if not values:
        return ""
    return f"{digits(min(values) * scale)} ({digits(median(values) * scale)})"


def digits(value: float) -> str:
    """Return a number with about three digits that count.

    Example:
        >>> from rushlight.cli._bench.tables import digits
        >>> [digits(v) for v in (0.1234, 1.234, 12.34, 123.4, 1234.5)]
        ['0.123', '1.23', '12.3', '123', '1234']
    """
    places = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{places}f}"
