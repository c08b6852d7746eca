"""Streams (queues of work) and events (marks in a queue) of a GPU."""

from __future__ import annotations

from typing import Any

from ..backend import cuda as _gpu
from ..backend.device import device


def _cupy_for(name: str) -> Any:
    """Return CuPy, or refuse to make a `name` with torch's exception type."""
    if not _gpu.available():
        raise RuntimeError(
            f"torch.cuda.{name} requires CUDA support (no GPU: {_gpu.unavailable_reason()})"
        )
    return _gpu.require_cupy()


class Stream:
    """A queue of GPU work; queues run side by side."""

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any):
        cupy = _cupy_for("Stream")
        self._index = _gpu.device_index(device)
        with cupy.cuda.Device(self._index):
            self._stream = cupy.cuda.Stream(non_blocking=True, priority=priority)

    @classmethod
    def _of(cls, stream: Any, index: int) -> Stream:
        """Wrap a CuPy stream of GPU `index`."""
        self = cls.__new__(cls)
        self._stream, self._index = stream, index
        return self

    @property
    def device(self) -> device:
        """The GPU it belongs to."""
        return device("cuda", self._index)

    @property
    def cuda_stream(self) -> int:
        """The address of the CUDA stream, as other libraries take it."""
        return int(self._stream.ptr)

    def synchronize(self) -> None:
        """Wait until everything in the queue is done."""
        self._stream.synchronize()

    def query(self) -> bool:
        """Tell whether everything in the queue is done."""
        return bool(self._stream.done)

    def record_event(self, event: Event | None = None) -> Event:
        """Put a mark (a new one if none is given) at the end of the queue and return it."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Let later work of this queue wait for a mark."""
        self._stream.wait_event(event._event)

    def wait_stream(self, stream: Stream) -> None:
        """Let later work of this queue wait for what is in another queue now."""
        self.wait_event(stream.record_event())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (self.cuda_stream, self._index) == (
            other.cuda_stream,
            other._index,
        )

    def __hash__(self) -> int:
        return hash((self.cuda_stream, self._index))

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class Event:
    """A mark in a queue of GPU work: wait for it, or measure the time between two.

    Args:
        enable_timing: keep the time, for `elapsed_time`.
        blocking: sleep rather than spin in `synchronize`.
        interprocess: allow other processes to open it (excludes timing).
    """

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ):
        self._event = _cupy_for("Event").cuda.Event(
            block=blocking, disable_timing=not enable_timing, interprocess=interprocess
        )

    def record(self, stream: Stream | None = None) -> None:
        """Put the mark at the end of `stream` (default: the current one)."""
        self._event.record((stream or current_stream())._stream)

    def wait(self, stream: Stream | None = None) -> None:
        """Let later work of `stream` (default: the current one) wait for the mark."""
        (stream or current_stream()).wait_event(self)

    def query(self) -> bool:
        """Tell whether the work before the mark is done."""
        return bool(self._event.done)

    def synchronize(self) -> None:
        """Wait until the work before the mark is done."""
        self._event.synchronize()

    def elapsed_time(self, end_event: Event) -> float:
        """Return the milliseconds between this mark and a later one."""
        cupy = _gpu.require_cupy()
        return float(cupy.cuda.get_elapsed_time(self._event, end_event._event))


def current_stream(device: Any = None) -> Stream:
    """Return the stream that work is put in at present."""
    cupy, index = _gpu.require_cupy(), _gpu.device_index(device)
    return Stream._of(cupy.cuda.get_current_stream(index), index)


def default_stream(device: Any = None) -> Stream:
    """Return the stream that work is put in unless another is chosen."""
    cupy, index = _gpu.require_cupy(), _gpu.device_index(device)
    return Stream._of(cupy.cuda.Stream.null, index)


class StreamContext:
    """Put work in a stream inside a `with` block (None: no change)."""

    def __init__(self, stream: Stream | None):
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self.stream._stream.__enter__()

    def __exit__(self, *exc: object) -> None:
        if self.stream is not None:
            self.stream._stream.__exit__(*exc)


def stream(stream: Stream | None) -> StreamContext:
    """Return a context that puts work in `stream` (None: no change)."""
    return StreamContext(stream)


def set_stream(stream: Stream) -> None:
    """Put work in `stream` from now on."""
    stream._stream.use()
