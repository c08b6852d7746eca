"""`torch.jit`: programs that script or trace their model keep running it as it is.

`script` and `trace` hand back the function they were given, as `rushlight.compile` does, or a view
of the module that has the methods of a compiled one, `save` first of all. `save` and `load` keep
whole modules in rushlight's own files; TorchScript archives hold code and cannot be read.
"""

from __future__ import annotations

import builtins
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, Final, TypeVar

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


class _Compiled(ScriptModule):
    """Base of the classes of compiled modules; each derives from the module's own class, too.

    A compiled module shares the `__dict__` of the module, so that it stays the same module.
    """

    _source: ClassVar[type[nn.Module]]
    _label: ClassVar[str]

    @property
    def original_name(self) -> str:
        """The name of the class of the module."""
        return self._source.__name__

    def __repr__(self) -> str:
        return _describe(self, self.original_name, self._label)


def _describe(module: nn.Module, name: str, label: str) -> str:
    """Return the printed form of a compiled module: the names of the classes it is made of."""
    head, lines = label or name, [f"original_name={name}"]
    for key, child in module._modules.items():
        if child is not None:
            inner = _describe(child, type(child).__name__, label)
            lines.append(f"({key}): " + inner.replace("\n", "\n  "))
    if len(lines) == 1:
        return f"{head}({lines[0]})"
    return f"{head}(\n  " + "\n  ".join(lines) + "\n)"


@cache
def _compiled_class(source: Any, label: str) -> type[nn.Module]:
    members = {"_source": source, "_label": label, "__module__": source.__module__}
    return type(source.__name__, (_Compiled, source), members)


def _compiled(obj: Any, label: str = "") -> Any:
    """Return the compiled form of a module; anything else as it is."""
    if not builtins.isinstance(obj, nn.Module) or builtins.isinstance(obj, ScriptModule):
        return obj
    source: Any = type(obj)
    view = object.__new__(_compiled_class(source, label))
    view.__dict__ = obj.__dict__
    return view


class ScriptFunction:
    """What torch makes of a scripted function. Here functions stay functions: there are none."""


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """Return a function or class as it is, and a module as a `ScriptModule`: still the same module.

    Example:
        >>> @rushlight.jit.script
        ... def double(x):
        ...     return 2 * x
        >>> double(21)
        42
        >>> rushlight.jit.script(rushlight.nn.ReLU())
        RecursiveScriptModule(original_name=ReLU)
    """
    return _compiled(obj, "RecursiveScriptModule")


def trace(func: Any = None, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return a function as it is, and a module as a `ScriptModule`; without one, a decorator."""
    return _compiled if func is None else _compiled(func)


def trace_module(mod: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> nn.Module:
    """Return a module as a `ScriptModule`."""
    return _compiled(mod)


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
# The last function of a name is the one that runs.
_overload = _overload_method = _unchanged


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

    if builtins.isinstance(m, _Compiled):
        plain = object.__new__(m._source)
        plain.__dict__ = m.__dict__
        m = plain
    write(m, f)


def load(
    f: Any, map_location: Any = None, _extra_files: dict[str, Any] | None = None, **kwargs: Any
) -> Any:
    """Read a whole module that `save` wrote. Runs pickled code: only for files you trust.

    Raises:
        RuntimeError: the file is PyTorch's TorchScript, which holds code in place of a pickle.
    """
    from .serialization import load as read

    return _compiled(read(f, map_location, weights_only=False), "RecursiveScriptModule")
