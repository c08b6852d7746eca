"""Profiles of loops: schedules, and files of traces."""

from __future__ import annotations

import enum
import gzip
import json
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from ..autograd import profiler as _recording
from ..autograd.profiler import Recorder
from ..autograd.profiler_util import EventList, trace_of


class ProfilerActivity(enum.Enum):
    """What to look at. Only the CPU's operators are seen; the others are accepted."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What the profiler does in a step of a loop."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    """Return what can be looked at."""
    return {ProfilerActivity.CPU}


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:  # fmt: skip
    """Return a schedule: after some steps, wait, warm up and record, again and again.

    Args:
        wait: steps without profiling in each cycle.
        warmup: steps whose record is thrown away.
        active: steps that are recorded.
        repeat: how many cycles; 0 goes on for ever.
        skip_first: steps before the first cycle.
        skip_first_wait: leave out the first cycle's `wait` if not 0.

    Raises:
        AssertionError: a number is negative, or nothing would be recorded.

    Example:
        >>> plan = rushlight.profiler.schedule(wait=1, warmup=1, active=2)
        >>> [plan(step).name for step in range(5)]
        ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} "
            f"(need >= 0), active={active} (need > 0), repeat={repeat} (need >= 0), "
            f"skip_first={skip_first} (need >= 0)."
        )
    if warmup == 0:
        warnings.warn(
            "Profiler won't be using warmup, this can skew profiler results", stacklevel=2
        )
    cycle = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        step -= skip_first
        if skip_first_wait:
            step += wait
        if step < 0 or (skip_first_wait and step < wait):
            return ProfilerAction.NONE
        if repeat and step // cycle >= repeat:
            return ProfilerAction.NONE
        place = step % cycle
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def _always(_: int) -> ProfilerAction:
    return ProfilerAction.RECORD


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[Any], None]:
    """Return an `on_trace_ready` that writes each trace into a directory.

    Args:
        dir_name: the directory, made if it is not there.
        worker_name: first part of the files' names (default: this machine's and process's).
        use_gzip: compress the files.
    """

    def handler(prof: Any) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        file = f"{worker}.{time.time_ns()}.pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(os.path.join(dir_name, file))

    return handler


class profile:
    """Record the operators that run inside the context, step by step if there is a schedule.

    Args:
        activities: what to look at (only the CPU is).
        schedule: what to do in each step; `step()` ends a step.
        on_trace_ready: called with the profile once a cycle has been recorded.
        record_shapes: note the shapes of inputs.
        profile_memory: note how large results are.
        with_stack: note the lines of the program that led to each operator.
        with_flops: count floating point operations of products.
        with_modules: accepted for compatibility.
        **other: accepted for compatibility.

    Example:
        >>> with rushlight.profiler.profile(record_shapes=True) as prof:
        ...     _ = rushlight.ones(2, 3) @ rushlight.ones(3, 4)
        >>> [(event.name, event.input_shapes) for event in prof.events()]
        [('aten::mm', [[2, 3], [3, 4]])]
    """

    def __init__(
        self, *, activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None, record_shapes: bool = False,
        profile_memory: bool = False, with_stack: bool = False, with_flops: bool = False,
        with_modules: bool = False, **other: Any,
    ):  # fmt: skip
        self.activities = set(activities) if activities else supported_activities()
        if not all(isinstance(activity, ProfilerActivity) for activity in self.activities):
            raise TypeError("activities must be of ProfilerActivity")
        self.schedule = schedule or _always
        self.record_steps = schedule is not None
        self.on_trace_ready = on_trace_ready
        self.record_shapes, self.profile_memory = record_shapes, profile_memory
        self.with_stack, self.with_flops, self.with_modules = with_stack, with_flops, with_modules
        self.step_num = 0
        self.current_action = self.schedule(0)
        self._recorder: Recorder | None = None
        self._finished: list[Any] | None = None
        self._step: Any = None
        self._metadata: dict[str, Any] = {}

    # --- recording ---

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin the first step."""
        self._take(ProfilerAction.NONE, self.current_action)
        self._begin_step()

    def step(self) -> None:
        """End a step of the loop and begin the next."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        self._take(before, self.current_action)
        self._begin_step()

    def stop(self) -> None:
        """End the last step."""
        self._end_step()
        self._take(self.current_action, None)

    def _take(self, before: ProfilerAction, now: ProfilerAction | None) -> None:
        records = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        saves = before is ProfilerAction.RECORD_AND_SAVE or (now is None and before in records)
        if self._recorder is not None and (saves or now not in records):
            self._recorder.stop()
            self._finished = self._recorder.events
            self._recorder = None
            if saves and self.on_trace_ready is not None:
                self.on_trace_ready(self)
        if now in records and self._recorder is None:
            self._recorder = Recorder(
                shapes=self.record_shapes, memory=self.profile_memory, stacks=self.with_stack,
                flops=self.with_flops,
            )  # fmt: skip
            self._recorder.start()

    def _begin_step(self) -> None:
        if self.record_steps and self._recorder is not None:
            self._step = _recording.record_function(f"ProfilerStep#{self.step_num}")
            self._step.__enter__()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__(None, None, None)
            self._step = None

    # --- results ---

    def events(self) -> EventList:
        """Return the events of the last cycle, in the order in which they began."""
        found = self._recorder.events if self._recorder is not None else self._finished
        if found is None:
            raise AssertionError("Profiler must be initialized before accessing its events")
        return EventList(
            found, with_memory=self.profile_memory, with_flops=self.with_flops,
            with_shapes=self.record_shapes,
        )  # fmt: skip

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
                     group_by_overload_name: bool = False) -> EventList:  # fmt: skip
        """Return what the events of each name make together; see `EventList.key_averages`."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events for chrome://tracing and its kin; compressed if the name ends in .gz."""
        trace = trace_of(
            self.events(), record_shapes=int(self.record_shapes), with_flops=int(self.with_flops),
            profile_memory=int(self.profile_memory), traceName=str(path), **self._metadata,
        )  # fmt: skip
        with (gzip.open if str(path).endswith(".gz") else open)(path, "wt") as file:
            json.dump(trace, file)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write how much of a metric each chain of lines took, for flame graphs."""
        with open(path, "w", encoding="utf-8") as file:
            for event in self.events():
                value = int(getattr(event, metric))
                if event.stack and value > 0:
                    file.write(";".join(reversed(event.stack)).replace(" ", "_") + f" {value}\n")

    def add_metadata(self, key: str, value: str) -> None:
        """Add a text to the trace file."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Add a value, given as JSON, to the trace file."""
        self._metadata[key] = json.loads(value)
