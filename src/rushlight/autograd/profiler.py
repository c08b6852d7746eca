"""Recording what operators a program runs and how long they take.

An interceptor sees every operator while a profile is being recorded; ranges that the user names
with `record_function` stand around them. `rushlight.profiler` adds schedules and trace files.
"""

from __future__ import annotations

import functools
import itertools
import re
import threading
import traceback
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from .._tensor import Tensor
from ._flops import flops_of
from .interception import Proceed, add_interceptor, remove_interceptor
from .profiler_util import EventList, FunctionEvent, FunctionEventAvg

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "emit_itt", "emit_nvtx", "profile",
           "record_function"]  # fmt: skip


@functools.cache
def name_of(op: type) -> str:
    """Return the name of an operator in a profile: `aten::addmm`."""
    name = getattr(op, "label", "") or op.__name__
    if name.upper().endswith(("LU", "ELU")):  # ReLU, GELU, SiLU: one word
        return f"aten::{name.lower()}"
    return "aten::" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Recorder:
    """Collects the events of all threads between `start` and `stop`."""

    def __init__(self, *, shapes: bool, memory: bool, stacks: bool, flops: bool):
        self.shapes, self.memory, self.stacks, self.flops = shapes, memory, stacks, flops
        self.events: list[FunctionEvent] = []
        self._numbers = itertools.count(1)
        self._thread = threading.local()

    def start(self) -> None:
        """See operators from now on."""
        add_interceptor(self._see)
        _recording.append(self)

    def stop(self) -> None:
        """See no more operators."""
        remove_interceptor(self._see)
        _recording.remove(self)

    def _open(self) -> list[FunctionEvent]:
        """Return the events that the current thread is in."""
        try:
            return self._thread.open
        except AttributeError:
            self._thread.open = []
            return self._thread.open

    def begin(self, name: str, is_user: bool = True) -> FunctionEvent:
        """Begin an event; it is the parent of those that begin before its end."""
        thread = threading.get_ident() & 0xFFFFFFFF
        event = FunctionEvent(next(self._numbers), name, thread, perf_counter_ns(), is_user)
        around = self._open()
        if around:
            event.cpu_parent = around[-1]
            around[-1].cpu_children.append(event)
        around.append(event)
        self.events.append(event)
        return event

    def end(self, event: FunctionEvent) -> None:
        """End an event."""
        event.end_ns = perf_counter_ns()
        around = self._open()
        if event in around:
            del around[around.index(event) :]

    def _see(self, op: Any, inputs: Any, params: Any, proceed: Proceed) -> Any:
        event = self.begin(name_of(op), is_user=False)
        try:
            result = proceed(op, inputs, params)
        finally:
            self.end(event)
        if self.shapes:
            event.input_shapes = [list(x.shape) if isinstance(x, Tensor) else [] for x in inputs]
        if self.memory and not op.view:
            results = result if isinstance(result, tuple) else (result,)
            event.allocated = sum(y.nbytes for y in results if isinstance(y, Tensor))
        if self.flops:
            event.flops = flops_of(op, inputs, result)
        if self.stacks:
            lines = traceback.extract_stack()[:-1]
            event.stack = [f"{s.filename}({s.lineno}): {s.name}" for s in reversed(lines)]
        return result


_recording: list[Recorder] = []


class record_function:
    """Name a range of a program in its profile; a context and a decorator.

    Args:
        name: the name.
        args: a text that belongs to it; accepted for compatibility.

    Example:
        >>> with rushlight.autograd.profiler.profile() as profile:
        ...     with rushlight.autograd.profiler.record_function("twice"):
        ...         _ = rushlight.ones(2) * 2
        >>> [event.name for event in profile.function_events]
        ['twice', 'aten::mul']
    """

    def __init__(self, name: str, args: str | None = None):
        self.name = name
        self.args = args
        self._began: list[tuple[Recorder, FunctionEvent]] = []

    def __enter__(self) -> record_function:
        self._began += [(recorder, recorder.begin(self.name)) for recorder in _recording]
        return self

    def __exit__(self, *exc: object) -> None:
        while self._began:
            recorder, event = self._began.pop()
            recorder.end(event)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Name each call of `function`."""

        @functools.wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return named


class profile:
    """Record the operators that run inside the context.

    Args:
        enabled: False records nothing.
        use_cuda: accepted for compatibility.
        use_device: accepted for compatibility.
        record_shapes: note the shapes of inputs.
        with_flops: count floating point operations of products.
        profile_memory: note how large results are.
        with_stack: note the lines of the program that led to each operator.
        **other: accepted for compatibility.

    Example:
        >>> with rushlight.autograd.profiler.profile(with_flops=True) as profile:
        ...     _ = rushlight.ones(2, 3) @ rushlight.ones(3, 4)
        >>> average, = profile.key_averages()
        >>> average.key, average.count, average.flops
        ('aten::mm', 1, 48)
    """

    def __init__(
        self, enabled: bool = True, *, use_cuda: bool = False, use_device: str | None = None,
        record_shapes: bool = False, with_flops: bool = False, profile_memory: bool = False,
        with_stack: bool = False, **other: Any,
    ):  # fmt: skip
        self.enabled = enabled
        self.record_shapes, self.with_flops = record_shapes, with_flops
        self.profile_memory, self.with_stack = profile_memory, with_stack
        self._recorder: Recorder | None = None
        self.entered = False

    def __enter__(self) -> profile:
        if not self.enabled:
            return self
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self.entered = True
        self._recorder = Recorder(
            shapes=self.record_shapes, memory=self.profile_memory, stacks=self.with_stack,
            flops=self.with_flops,
        )  # fmt: skip
        self._recorder.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._recorder is not None:
            self._recorder.stop()

    @property
    def function_events(self) -> EventList:
        """The events, in the order in which they began."""
        if self._recorder is None:
            raise AssertionError("Profiler didn't finish running")
        return EventList(
            self._recorder.events, with_memory=self.profile_memory, with_flops=self.with_flops,
            with_shapes=self.record_shapes,
        )  # fmt: skip

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events, each counted once."""
        return self.function_events.self_cpu_time_total

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
                     group_by_overload_name: bool = False) -> EventList:  # fmt: skip
        """Return what the events of each name make together; see `EventList.key_averages`."""
        return self.function_events.key_averages(group_by_input_shape, group_by_stack_n)

    def total_average(self) -> FunctionEventAvg:
        """Return what all events make together."""
        return self.function_events.total_average()

    def table(self, *args: Any, **kwargs: Any) -> str:
        """Return a table of the events; see `EventList.table`."""
        return self.function_events.table(*args, **kwargs)

    def export_chrome_trace(self, path: Any) -> None:
        """Write the events for chrome://tracing and its kin."""
        self.function_events.export_chrome_trace(path)

    def __str__(self) -> str:
        return "<unfinished torch.autograd.profile>" if self._recorder is None else self.table()

    __repr__ = __str__


class emit_nvtx:
    """Accepted for compatibility: there is no such tool to tell about ranges."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False):
        self.enabled = enabled

    def __enter__(self) -> emit_nvtx:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


emit_itt = emit_nvtx
