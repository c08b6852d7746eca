"""A kernel: one reference function and the faster implementations registered for it."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import numpy as np

from . import _native
from ._precision import is_half

Function = Callable[..., Any]

_FLOAT32 = np.dtype(np.float32)
_registry: list[Kernel] = []
_reference_only = os.environ.get("RUSHLIGHT_KERNELS", "") == "reference"


class Kernel(Protocol):
    """Arrays in, arrays out: the fast path for the first argument's exact type, else the reference.

    Attributes:
        reference: the function that runs on any array module.
        paths: the fast path registered for each array type, for tests that compare them.
        active: the fast paths in use; `reference_only` empties it.
        rounded: which operands' types the results get where a fast path for float32 also serves
            float16 and bfloat16; empty where it does not.
    """

    __name__: str
    __module__: str
    reference: Function
    paths: dict[type, Function]
    active: dict[type, Function]
    rounded: tuple[int, ...]

    def __call__(self, x: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Run the kernel."""

    def fast(
        self, array_type: type, rounded: tuple[int, ...] = ()
    ) -> Callable[[Function], Function]:
        """Register the decorated function as the fast path for arrays of `array_type`.

        It takes the reference's arguments and may return `NotImplemented`; the reference then runs.

        Args:
            array_type: the exact type of the first argument.
            rounded: if given, float16 and bfloat16 are widened for the function. Its first results
                are rounded to the types of these operands (of the first where one is None); those
                after them stay float32.
        """


def kernel(reference: Function) -> Kernel:
    """Make the decorated reference function a `Kernel`."""
    active: dict[type, Function] = {}

    def declined(x: Any, *args: Any, **kwargs: Any) -> Any:
        """Run what is to run after the fast path has returned `NotImplemented`."""
        if made.rounded and is_half(x):
            result = _through_float32(active[type(x)], made.rounded, (x, *args), kwargs)
            if result is not NotImplemented:
                return result
        return reference(x, *args, **kwargs)

    # A closure, not a class with __call__: Python takes twice as long to get into the latter.
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        path = active.get(type(x))
        if path is None:
            return reference(x, *args, **kwargs)
        result = path(x, *args, **kwargs)
        return declined(x, *args, **kwargs) if result is NotImplemented else result

    native = _native.calls
    called = call if native is None else native.Kernel(reference, active, declined)
    made = cast(Kernel, functools.update_wrapper(called, reference))
    made.reference = reference
    made.paths = {}
    made.active = active
    made.rounded = ()
    setattr(made, "fast", functools.partial(_register, made))  # noqa: B010
    _registry.append(made)
    return made


def _through_float32(
    path: Function, like: tuple[int, ...], operands: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    x = operands[0]
    wide = [_to(_FLOAT32, a) if type(a) is type(x) and is_half(a) else a for a in operands]
    result = path(*wide, **options)
    if result is NotImplemented:
        return result
    types = [(x if operands[i] is None else operands[i]).dtype for i in like]
    if type(result) is not tuple:
        return _to(types[0], result)
    rounded = [_to(t, r) for t, r in zip(types, result, strict=False)]
    return (*rounded, *result[len(rounded) :])


def _to(dtype: np.dtype, x: Any) -> Any:
    """x in another dtype; x itself if it has it. Not the kernel `copy_as`, which stands on this."""
    y = _native.core.converted(x, dtype)
    return x.astype(dtype, copy=False) if y is NotImplemented else y


def _register(
    target: Kernel, array_type: type, rounded: tuple[int, ...] = ()
) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        target.paths[array_type] = function
        target.rounded = rounded or target.rounded
        _activate(target, not _reference_only)
        return function

    return register


def _activate(target: Kernel, fast_paths: bool) -> None:
    target.active.clear()
    if fast_paths:
        target.active.update(target.paths)


def add_native(family: str) -> None:
    """Register a family's native kernels, `cpu.py`; the last line of the family's module."""
    if _native.core is not None:
        importlib.import_module(f"{family}.cpu")
    elif not _reference_only:
        for k in _registry:
            if k.__module__ == family:
                k.active[np.ndarray] = _native.note_missing


def all_kernels(family: str = "") -> list[Kernel]:
    """Every kernel of the families loaded so far, or those of one family."""
    return [k for k in _registry if not family or family_of(k) == family]


def family_of(k: Kernel) -> str:
    """The package below `rushlight.kernels` that defines a kernel."""
    return k.__module__.removeprefix("rushlight.kernels.")


def fast_paths_enabled() -> bool:
    """Whether kernels use their fast paths (see `reference_only`)."""
    return not _reference_only


@contextlib.contextmanager
def reference_only(enabled: bool = True) -> Iterator[None]:
    """Run every kernel on its reference inside the block, in all threads.

    For finding out whether a fast path is to blame, and for tests. The environment variable
    `RUSHLIGHT_KERNELS=reference` does the same for a whole program.
    """
    before = _reference_only
    _switch(enabled)
    try:
        yield
    finally:
        _switch(before)


def _switch(reference: bool) -> None:
    global _reference_only
    _reference_only = reference
    for k in _registry:
        _activate(k, not reference)
