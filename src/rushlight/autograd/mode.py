"""Whether operations are recorded: no_grad, enable_grad, inference_mode, set_grad_enabled.

One context variable holds the mode of the current thread (a new thread starts recording).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

INFERENCE, NO_GRAD, GRAD = range(3)
grad_mode: ContextVar[int] = ContextVar("grad_mode", default=GRAD)
read_mode = grad_mode.get

# What `amp` does in the current thread: the state that `ops._autocast` reads; None while it is off.
autocast: ContextVar[Any] = ContextVar("autocast", default=None)

# The pairs of hooks that what nodes save goes through (`autograd.graph.saved_tensors_hooks`), the
# innermost last; a text instead of a pair forbids them and says why.
saved_hooks: ContextVar[tuple[Any, ...]] = ContextVar("saved_hooks", default=())


def is_grad_enabled() -> bool:
    """Tell whether operations are being recorded for the reverse pass."""
    return grad_mode.get() == GRAD


def is_inference_mode_enabled() -> bool:
    """Tell whether inference mode is on."""
    return grad_mode.get() == INFERENCE


class _ModeContext:
    """A context manager and decorator that sets the mode."""

    mode = GRAD

    def __init__(self) -> None:
        self._outer: list[int] = []

    def __enter__(self) -> None:
        self._outer.append(grad_mode.get())
        grad_mode.set(self._within(grad_mode.get()))

    def _within(self, outer: int) -> int:
        """Return the mode inside `outer`: only `inference_mode(False)` ends inference mode."""
        return INFERENCE if outer == INFERENCE else self.mode

    def __exit__(self, *exc: object) -> None:
        grad_mode.set(self._outer.pop())

    def clone(self) -> _ModeContext:
        """Return a fresh context of the same mode, as every call of a decorated function needs."""
        return type(self)()

    def __call__(self, function: F) -> F:
        """Run `function` in this mode."""
        if inspect.isclass(function):
            raise TypeError("decorate the methods of a class, not the class itself")
        if inspect.isgeneratorfunction(function):
            return self._decorate_generator(function)

        @functools.wraps(function)
        def in_mode(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return in_mode  # type: ignore[return-value]

    def _decorate_generator(self, function: F) -> F:
        """Switch the mode on only while the generator's own code runs, not its consumer's."""

        @functools.wraps(function)
        def in_mode(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, generator)
            while True:
                try:
                    with self.clone():
                        item = resume()
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield item
                    resume = functools.partial(generator.send, sent)
                except GeneratorExit:
                    with self.clone():
                        generator.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)

        return in_mode  # type: ignore[return-value]


class no_grad(_ModeContext):
    """Record nothing inside: context manager or decorator.

    Example:
        >>> w = rushlight.ones(2, requires_grad=True)
        >>> with rushlight.no_grad():
        ...     (w * 2).requires_grad
        False
    """

    mode = NO_GRAD

    def __new__(cls, function: Any = None) -> Any:
        """Allow the bare decorator: `@no_grad`."""
        context = object.__new__(cls)
        if function is None:
            return context
        context.__init__()  # type: ignore[misc]
        return context(function)


class enable_grad(no_grad):
    """Record again inside a `no_grad` block: context manager or decorator."""

    mode = GRAD


class _SwitchedMode(_ModeContext):
    def __init__(self, mode: int):
        super().__init__()
        self.mode = mode

    def clone(self) -> _ModeContext:
        return _SwitchedMode(self.mode)


class set_grad_enabled(_SwitchedMode):
    """Switch recording on or off, as a function call, context manager or decorator."""

    def __init__(self, mode: bool):
        super().__init__(GRAD if mode else NO_GRAD)
        # As a plain call it takes effect at once; `__exit__` returns to what was before.
        self._before = grad_mode.get()
        grad_mode.set(self._within(self._before))

    def __enter__(self) -> None:
        self._outer.append(self._before)
        grad_mode.set(self._within(self._before))

    def __call__(self, function: F) -> F:
        """Run `function` in this mode; the surrounding mode is restored."""
        grad_mode.set(self._before)
        return super().__call__(function)


class inference_mode(_SwitchedMode):
    """Record nothing and keep no versions: tensors made inside never enter a graph."""

    def __new__(cls, mode: Any = True) -> Any:
        """Allow the bare decorator: `@inference_mode`."""
        context = object.__new__(cls)
        if isinstance(mode, bool):
            return context
        context.__init__(True)  # type: ignore[misc]
        return context(mode)

    def __init__(self, mode: bool = True):
        super().__init__(INFERENCE if mode is True else GRAD)

    def _within(self, outer: int) -> int:
        return self.mode if INFERENCE in (self.mode, outer) else outer
