"""What a profile is made of: events, their averages, and the table they are printed in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_COLUMN = 12
_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}
_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"), (1.0, ""))


def format_time(microseconds: float, unit: str | None = None) -> str:
    """Return a time as the table shows it: `12.345us`, `1.234ms`."""
    if unit is None:
        unit = "s" if microseconds >= 1e6 else "ms" if microseconds >= 1e3 else "us"
    return f"{microseconds / _UNITS[unit]:.3f}{unit}"


def format_memory(nbytes: float) -> str:
    """Return a number of bytes as the table shows it: `128 B`, `1.50 MB`."""
    for name, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(nbytes) >= size:
            return f"{nbytes / size:.2f} {name}"
    return f"{int(nbytes)} B"


def _share(part: float, whole: float) -> str:
    return "NaN" if not whole else f"{part * 100.0 / whole:.2f}%"


class _Times:
    """The times that events and their averages both have; a GPU's are zero."""

    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    device_time_total = self_device_time_total = device_time = 0.0
    cuda_time_total = self_cuda_time_total = cuda_time = 0.0
    device_memory_usage = self_device_memory_usage = 0

    @property
    def cpu_time(self) -> float:
        """Microseconds of one call on average."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_total_str(self) -> str:
        """`cpu_time_total`, for people."""
        return format_time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        """`self_cpu_time_total`, for people."""
        return format_time(self.self_cpu_time_total)

    @property
    def cpu_time_str(self) -> str:
        """`cpu_time`, for people."""
        return format_time(self.cpu_time)


class FunctionEvent(_Times):
    """One call of an operator, or one range that the user has named."""

    count = 1
    is_async = is_remote = is_legacy = False
    node_id = -1

    def __init__(self, number: int, name: str, thread: int, start: int, is_user: bool):
        self.id, self.name, self.thread = number, name, thread
        # All steps of a loop are averaged together.
        self.key = "ProfilerStep*" if name.startswith("ProfilerStep#") else name
        self.is_user_annotation = is_user
        self.start_ns, self.end_ns = start, start
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_parent: FunctionEvent | None = None
        self.input_shapes: list[Any] = []
        self.stack: list[str] = []
        self.flops = 0
        self.allocated = 0

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """Microseconds from beginning to end."""
        return (self.end_ns - self.start_ns) / 1e3

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """Microseconds without those of the events inside."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def cpu_memory_usage(self) -> int:
        """Bytes of the results, also of the events inside."""
        return self.allocated + sum(child.cpu_memory_usage for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:
        """Bytes of the results."""
        return self.allocated

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_total_str} "
            f"cpu_children={[child.id for child in self.cpu_children]} thread={self.thread} "
            f"input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage}>"
        )


class FunctionEventAvg(_Times):
    """All events of one name (and of the same input shapes, if asked for) together."""

    is_async = is_remote = is_legacy = False
    node_id = -1

    def __init__(self, key: str = ""):
        self.key = key
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = self.flops = 0
        self.input_shapes: Any = []
        self.stack: list[str] = []
        self.is_user_annotation = False

    def add(self, event: Any) -> FunctionEventAvg:
        """Count an event, or what other events make together."""
        if not self.count:
            self.key = self.key or event.key
            self.input_shapes, self.stack = event.input_shapes, event.stack
            self.is_user_annotation = event.is_user_annotation
        self.count += event.count
        # A recursive event's time is that of the outermost call.
        if not _is_inside(event, event.key):
            self.cpu_time_total += event.cpu_time_total
            self.cpu_memory_usage += event.cpu_memory_usage
        self.self_cpu_time_total += event.self_cpu_time_total
        self.self_cpu_memory_usage += event.self_cpu_memory_usage
        self.flops += event.flops
        return self

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str}  self_cuda_time=0.000us cuda_time=0.000us "
            f"input_shapes={self.input_shapes or ''} cpu_memory_usage={self.cpu_memory_usage} "
            "cuda_memory_usage=0>"
        )


def _is_inside(event: Any, key: str) -> bool:
    outer = getattr(event, "cpu_parent", None)
    while outer is not None:
        if outer.key == key:
            return True
        outer = outer.cpu_parent
    return False


class EventList(list[Any]):
    """Events, or averages, with ways to add them up, print and save them."""

    def __init__(self, events: Iterable[Any] = (), *, with_memory: bool = False,
                 with_flops: bool = False, with_shapes: bool = False):  # fmt: skip
        super().__init__(events)
        self.with_memory, self.with_flops = with_memory, with_flops
        self.with_shapes = with_shapes

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events, each counted once."""
        return sum(event.self_cpu_time_total for event in self)

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:  # fmt: skip
        """Return what the events of each name make together.

        Args:
            group_by_input_shape: keep calls with inputs of different shapes apart.
            group_by_stack_n: keep calls apart that differ in this many innermost lines.
            group_by_overload_name: accepted; operators have one form each.
        """
        found: dict[Any, FunctionEventAvg] = {}
        for event in self:
            key: list[Any] = [event.key, event.is_user_annotation]
            if group_by_input_shape:
                key.append(str(event.input_shapes))
            if group_by_stack_n:
                key.append(tuple(event.stack[:group_by_stack_n]))
            average = found.setdefault(tuple(key), FunctionEventAvg())
            average.add(event)
            if not group_by_input_shape:
                average.input_shapes = []
            average.stack = average.stack[:group_by_stack_n]
        return EventList(
            found.values(), with_memory=self.with_memory, with_flops=self.with_flops,
            with_shapes=group_by_input_shape,
        )  # fmt: skip

    def total_average(self) -> FunctionEventAvg:
        """Return what all events make together."""
        total = FunctionEventAvg("Total")
        for event in self:
            total.add(event)
        return total

    def table(
        self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75,
        max_name_column_width: int = 55, max_shapes_column_width: int = 80,
        header: str | None = None, top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:  # fmt: skip
        """Return a table of the events.

        Args:
            sort_by: the attribute that decides the order, the largest first: `cpu_time_total`,
                `self_cpu_time_total`, `cpu_time`, `count`, `cpu_memory_usage` ...
            row_limit: how many rows to show; -1 for all.
            max_src_column_width: width of source lines, where there are any.
            max_name_column_width: width beyond which names are cut off.
            max_shapes_column_width: width beyond which shapes are cut off.
            header: a line above the table.
            top_level_events_only: leave out what happens inside other events.
            time_unit: "us", "ms" or "s" for all times.
        """
        if not self:
            return ""
        rows: list[Any] = list(self)
        if sort_by is not None:
            rows.sort(key=lambda event: getattr(event, sort_by), reverse=True)
        if top_level_events_only:
            rows = [event for event in rows if getattr(event, "cpu_parent", None) is None]
        rows = rows if row_limit < 0 else rows[:row_limit]
        columns = self._columns(rows, max_name_column_width, max_shapes_column_width, time_unit)
        columns += _stack_column(rows, max_src_column_width)
        total = format_time(self.self_cpu_time_total, time_unit)
        return _lines(columns, header, f"Self CPU time total: {total}")

    def _columns(
        self, rows: Sequence[Any], name_width: int, shapes_width: int, unit: str | None
    ) -> list[tuple[str, int, list[str]]]:
        total = self.self_cpu_time_total

        def column(title: str, cell: Callable[[Any], str]) -> tuple[str, int, list[str]]:
            return title, _COLUMN, [cell(event) for event in rows]

        names = [_cut(event.key, name_width) for event in rows]
        columns = [
            ("Name", min(max(map(len, names)) + 4, name_width), names),
            column("Self CPU %", lambda e: _share(e.self_cpu_time_total, total)),
            column("Self CPU", lambda e: format_time(e.self_cpu_time_total, unit)),
            column("CPU total %", lambda e: _share(e.cpu_time_total, total)),
            column("CPU total", lambda e: format_time(e.cpu_time_total, unit)),
            column("CPU time avg", lambda e: format_time(e.cpu_time, unit)),
        ]
        if self.with_memory:
            columns.append(column("CPU Mem", lambda e: format_memory(e.cpu_memory_usage)))
            columns.append(column("Self CPU Mem", lambda e: format_memory(e.self_cpu_memory_usage)))
        columns.append(column("# of Calls", lambda e: str(e.count)))
        if self.with_shapes:
            shapes = [_cut(str(event.input_shapes), shapes_width) for event in rows]
            columns.append(("Input Shapes", max(*map(len, shapes), _COLUMN) + 4, shapes))
        if self.with_flops:
            size, prefix = _scale(rows)
            columns.append(
                column(
                    f"Total {prefix}FLOPs",
                    lambda e: f"{e.flops / size:.3f}" if e.flops else "--",
                )
            )
        return columns

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events for chrome://tracing and its kin."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump(trace_of(self), file)

    def __str__(self) -> str:
        return self.table()


def _cut(text: str, width: int) -> str:
    return text if len(text) < width else text[: width - 3] + "..."


def _scale(rows: Sequence[Any]) -> tuple[float, str]:
    largest = max((event.flops for event in rows), default=0)
    return next(((s, p) for s, p in _PREFIXES if largest >= s), (1.0, ""))


def _stack_column(rows: Sequence[Any], width: int) -> list[tuple[str, int, list[str]]]:
    lines = [event.stack[0][-width:] if event.stack else "" for event in rows]
    return [("Source Location", max(map(len, lines)) + 4, lines)] if any(lines) else []


def _lines(columns: list[tuple[str, int, list[str]]], header: str | None, last: str) -> str:
    ruler = "".join("-" * width + "  " for _, width, _ in columns)

    def line(cells: Iterable[str]) -> str:
        return "".join(
            f"{cell:>{width}}  " for cell, (_, width, _) in zip(cells, columns, strict=True)
        )

    rows = [line(cells) for cells in zip(*(cells for _, _, cells in columns), strict=True)]
    top = [] if header is None else ["=" * len(ruler), header]
    body = [*top, ruler, line(title for title, _, _ in columns), ruler, *rows, ruler]
    return "\n".join([*body, last, ""])


def trace_of(events: Iterable[Any], **more: Any) -> dict[str, Any]:
    """Return events in the trace event format, with whatever else belongs into the file."""
    process = os.getpid()
    found = [
        {
            "ph": "X",
            "cat": "user_annotation" if event.is_user_annotation else "cpu_op",
            "name": event.name,
            "pid": process,
            "tid": event.thread,
            "ts": event.start_ns / 1e3,
            "dur": event.cpu_time_total,
            "args": {"External id": event.id, "Input Dims": event.input_shapes},
        }
        for event in events
    ]
    return {"schemaVersion": 1, "displayTimeUnit": "ms", **more, "traceEvents": found}
