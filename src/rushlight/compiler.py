"""`torch.compile` and `torch.compiler`: rushlight runs what the program says, as it says it.

`compile` hands back the very function it was given, and a module in the wrapper that programs and
checkpoints expect around it. Fusion happens inside the operators, so there is nothing to trace,
guard or recompile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "reset",
    "set_stance",
]

_MODES = (
    "default",
    "lite",
    "reduce-overhead",
    "max-autotune-no-cudagraphs",
    "max-autotune",
)


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] | None = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """Return a function as it is, a module wrapped; without either, a decorator that does so.

    Args:
        model: a function or a module.
        fullgraph: accepted for torch's sake, as are `dynamic`, `backend` and `options`.
        dynamic: see `fullgraph`.
        backend: see `fullgraph`.
        mode: one of torch's mode names.
        options: see `fullgraph`; not together with `mode`.
        disable: return a module as it is, too.

    Returns:
        A function: the function itself. A module: an `OptimizedModule` around it, whose
        `_orig_mod` it is.

    Raises:
        RuntimeError: `mode` and `options` are both given, or the mode is unknown.
        AssertionError: `model` cannot be called.

    Example:
        >>> @rushlight.compile(mode="reduce-overhead")
        ... def double(x):
        ...     return 2 * x
        >>> double(21)
        42
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if mode is not None and mode not in _MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(_MODES)}")
    make = _unchanged if disable else _wrapped
    return make if model is None else make(model)


def _wrapped(model: Callable[..., Any]) -> Callable[..., Any]:
    from .nn.optimized_module import Module, OptimizedModule

    return OptimizedModule(model) if isinstance(model, Module) else _unchanged(model)


def _unchanged(model: Callable[..., Any]) -> Callable[..., Any]:
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    return model


def disable(
    fn: Callable[..., Any] | None = None, recursive: bool = True, *, reason: str | None = None
) -> Any:
    """Return `fn` as it is; without a function, a decorator that does so."""
    return _unchanged if fn is None else _unchanged(fn)


def allow_in_graph(fn: Any) -> Any:
    """Return `fn` as it is."""
    return fn


def assume_constant_result(fn: Any) -> Any:
    """Return `fn` as it is."""
    return fn


def reset() -> None:
    """Forget compiled code, of which there is none."""


def cudagraph_mark_step_begin() -> None:
    """Mark the start of a step, which needs no mark here."""


def is_compiling() -> bool:
    """Tell whether the program is being traced: never."""
    return False


def is_dynamo_compiling() -> bool:
    """Tell whether the program is being traced: never."""
    return False


def is_exporting() -> bool:
    """Tell whether the program is being exported by tracing: never."""
    return False


def list_backends(exclude_tags: tuple[str, ...] = ("debug", "experimental")) -> list[str]:
    """Return the names of compiler backends: none."""
    return []


class set_stance:
    """Accept torch's choice of when to compile: a call, a context manager or a decorator."""

    def __init__(
        self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, **options: Any
    ):
        self.stance = stance

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return `fn` as it is: the decorator's form."""
        return fn
