"""`torch.jit`: programs that script or trace their model keep running it as it is.

`script` and `trace` hand back what they were given, as `rushlight.compile` does. `save` and `load`
keep whole modules in rushlight's own files; TorchScript archives hold code and cannot be read.
"""

from __future__ import annotations

import builtins
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from . import nn

__all__ = [
    "Attribute",
    "Final",
    "ScriptFunction",
    "ScriptModule",
    "annotate",
    "export",
    "fork",
    "freeze",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "load",
    "optimize_for_inference",
    "optimized_execution",
    "save",
    "script",
    "script_if_tracing",
    "script_method",
    "set_fusion_strategy",
    "strict_fusion",
    "trace",
    "trace_module",
    "unused",
    "wait",
]

T = TypeVar("T")


class ScriptModule(nn.Module):
    """A module; older programs derive from this class and mark methods with `script_method`."""

    def save(self, f: Any) -> None:
        """Write the module to a file."""
        save(self, f)


class ScriptFunction:
    """What torch makes of a scripted function. Here functions stay functions: there are none."""


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """Return a function, class or module as it is.

    Example:
        >>> @rushlight.jit.script
        ... def double(x):
        ...     return 2 * x
        >>> double(21)
        42
    """
    return obj


def trace(func: Any = None, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return a function or module as it is; without one, a decorator that does so."""
    return script if func is None else func


def trace_module(mod: T, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> T:
    """Return a module as it is."""
    return mod


def freeze(mod: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
    """Return a module in evaluation mode as it is.

    Raises:
        RuntimeError: the module is in training mode.
    """
    if mod.training:
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. Please call .eval() "
            "on your module before freezing."
        )
    return mod


def optimize_for_inference(mod: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
    """Return a module as it is."""
    return mod


def _unchanged(fn: T) -> T:
    """Return a function as it is: a mark that means nothing here."""
    return fn


export = interface = script_if_tracing = script_method = unused = _unchanged


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return a function as it is: `@ignore` and `@ignore(drop=True)`."""
    return drop if callable(drop) else _unchanged


def annotate(the_type: Any, the_value: T) -> T:
    """Return `the_value`."""
    return the_value


def Attribute(value: T, type: Any) -> T:
    """Return `value`."""
    return value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Tell whether `obj` is of a type, of which only the outer part is looked at: `List[int]`."""
    types = target_type if builtins.isinstance(target_type, tuple) else (target_type,)
    outer: list[Any] = [typing.get_origin(kind) or kind for kind in types]
    return builtins.isinstance(obj, tuple(outer))


def fork(func: Callable[..., T], *args: Any, **kwargs: Any) -> Any:
    """Run a function at once and return a Future of its result."""
    from .futures import Future

    future: Future[T] = Future()
    future.set_result(func(*args, **kwargs))
    return future


def wait(future: Any) -> Any:
    """Return what a Future of `fork` holds."""
    return future.wait()


def is_scripting() -> bool:
    """Tell whether the program is being compiled: never."""
    return False


def is_tracing() -> bool:
    """Tell whether the program is being traced: never."""
    return False


@contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """Accept torch's switch of graph optimizations."""
    yield


@contextmanager
def strict_fusion() -> Iterator[None]:
    """Accept torch's demand that what is inside be fused."""
    yield


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Accept torch's choice of how to specialise fused code; return it."""
    return strategy


def save(m: nn.Module, f: Any, _extra_files: dict[str, Any] | None = None) -> None:
    """Write a whole module to a file; `load` of the same program reads it."""
    from .serialization import save as write

    write(m, f)


def load(
    f: Any, map_location: Any = None, _extra_files: dict[str, Any] | None = None, **kwargs: Any
) -> Any:
    """Read a whole module that `save` wrote. Runs pickled code: only for files you trust.

    Raises:
        RuntimeError: the file is PyTorch's TorchScript, which holds code in place of a pickle.
    """
    from .serialization import load as read

    return read(f, map_location, weights_only=False)
