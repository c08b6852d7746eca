"""A kernel: one reference function and the faster implementations registered for it."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

Function = Callable[..., Any]

_registry: list[Kernel] = []
_reference_only = os.environ.get("RUSHLIGHT_KERNELS", "") == "reference"


class Kernel:
    """Arrays in, arrays out: the fast path for the first argument's type, else the reference.

    A fast path takes the reference's arguments and may return `NotImplemented`; the reference
    then runs. `paths` maps an array type to its fast path, for tests that compare the two.
    """

    def __init__(self, reference: Function) -> None:
        """Wrap `reference`, taking over its name, docstring and signature."""
        functools.update_wrapper(self, reference)
        self.reference = reference
        self.paths: dict[type, Function] = {}
        self._active: dict[type, Function] = {}
        _registry.append(self)

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the kernel; dispatch looks at the exact type of the first argument."""
        fast = self._active.get(type(x))
        if fast is not None:
            result = fast(x, *args, **kwargs)
            if result is not NotImplemented:
                return result
        return self.reference(x, *args, **kwargs)

    def fast(self, array_type: type) -> Callable[[Function], Function]:
        """Register the decorated function as the fast path for arrays of `array_type`."""

        def register(function: Function) -> Function:
            self.paths[array_type] = function
            self.activate(not _reference_only)
            return function

        return register

    def activate(self, fast_paths: bool) -> None:
        """Use the registered fast paths, or none of them."""
        self._active = dict(self.paths) if fast_paths else {}

    def substitute(self, array_type: type, function: Function) -> None:
        """Let `function` stand in for a missing fast path until the next `activate`."""
        self._active[array_type] = function

    def __repr__(self) -> str:
        return f"<kernel {self.family}.{self.__name__}>"

    @property
    def family(self) -> str:
        """The package below `rushlight.kernels` that defines the kernel."""
        return self.__module__.removeprefix("rushlight.kernels.")


def kernel(reference: Function) -> Kernel:
    """Make the decorated reference function a `Kernel`."""
    return Kernel(reference)


def all_kernels() -> tuple[Kernel, ...]:
    """Every kernel defined so far."""
    return tuple(_registry)


def fast_paths_enabled() -> bool:
    """Whether kernels use their fast paths (see `reference_only`)."""
    return not _reference_only


@contextlib.contextmanager
def reference_only(enabled: bool = True) -> Iterator[None]:
    """Run every kernel on its reference inside the block, in all threads.

    For finding out whether a fast path is to blame, and for tests. The environment variable
    `RUSHLIGHT_KERNELS=reference` does the same for a whole program.
    """
    global _reference_only
    before = _reference_only
    _reference_only = enabled
    try:
        for k in _registry:
            k.activate(not enabled)
        yield
    finally:
        _reference_only = before
        for k in _registry:
            k.activate(not before)
