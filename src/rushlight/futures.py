"""Results that are not there yet: `Future`, and waiting for several of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")


class Future(Generic[T]):
    """A result that another thread, or a later line, provides.

    Args:
        devices: accepted; results on the CPU need no waiting for a device.

    Example:
        >>> future = rushlight.futures.Future()
        >>> doubled = future.then(lambda f: 2 * f.wait())
        >>> future.set_result(21)
        >>> doubled.wait()
        42
    """

    def __init__(self, *, devices: Any = None):
        self._finished = threading.Condition()
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[T]], Any]] = []

    def done(self) -> bool:
        """Tell whether there is a result or an exception."""
        return self._done

    def wait(self) -> T:
        """Wait for the result and return it, or raise the exception that came instead."""
        with self._finished:
            self._finished.wait_for(lambda: self._done)
        if self._error is not None:
            raise self._error
        return self._value

    def value(self) -> T:
        """Return the result of a future that is done.

        Raises:
            RuntimeError: it is not done.
        """
        if not self._done:
            raise RuntimeError("value() can only be called after the future is completed")
        return self.wait()

    def set_result(self, result: T) -> None:
        """Provide the result.

        Raises:
            RuntimeError: there is one already.
        """
        self._finish(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Provide an exception that `wait` will raise."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._finish(None, result)

    def _finish(self, value: Any, error: BaseException | None) -> None:
        with self._finished:
            if self._done:
                raise RuntimeError(
                    "Future can only be marked completed once; it has a result already"
                )
            self._value, self._error, self._done = value, error, True
            self._finished.notify_all()
        for callback in self._callbacks:
            callback(self)

    def then(self, callback: Callable[[Future[T]], Any]) -> Future[Any]:
        """Return a future of what `callback(self)` returns once this one is done."""
        following: Future[Any] = Future()

        def run(future: Future[T]) -> None:
            try:
                result = callback(future)
            except Exception as error:
                following.set_exception(error)
            else:
                following.set_result(result)

        self._call_when_done(run)
        return following

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Call `callback(self)` once this future is done; what it returns is dropped."""
        self._call_when_done(callback)

    def _call_when_done(self, callback: Callable[[Future[T]], Any]) -> None:
        with self._finished:
            if not self._done:
                self._callbacks.append(callback)
                return
        callback(self)


def collect_all(futures: Sequence[Future[Any]]) -> Future[list[Future[Any]]]:
    """Return a future, of the list of futures, that is done when all of them are."""
    together: Future[list[Future[Any]]] = Future()
    missing = len(futures)
    lock = threading.Lock()

    def count(_: Future[Any]) -> None:
        nonlocal missing
        with lock:
            missing -= 1
            last = missing == 0
        if last:
            together.set_result(list(futures))

    if not futures:
        together.set_result([])
    for future in futures:
        future.add_done_callback(count)
    return together


def wait_all(futures: Sequence[Future[Any]]) -> list[Any]:
    """Wait for all futures and return their results; the first exception is raised."""
    return [future.wait() for future in collect_all(futures).wait()]
