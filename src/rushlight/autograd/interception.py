"""Who else sees an operator before it runs: autocast, vmap, anomaly detection."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

# Functions that see every operator before it runs: autocast, vmap, anomaly detection ... They are
# called as (operator, inputs, params, proceed), the one added last first, and return what
# `proceed(operator, inputs, params)`, the rest of the chain, returns, or something of their own.
# Empty, the usual state, costs one look-up per operator.
Proceed = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]
Interceptor = Callable[[Any, tuple[Any, ...], dict[str, Any], Proceed], Any]
interceptors: tuple[Interceptor, ...] = ()
PLAIN: Any = object()  # what `intercept` returns where no interceptor is left
chain_done: ContextVar[bool] = ContextVar("chain_done", default=False)
_changing = threading.Lock()


def add_interceptor(interceptor: Interceptor) -> None:
    """Let `interceptor` see every operator of every thread from now on."""
    global interceptors
    with _changing:
        interceptors = (*interceptors, interceptor)


def remove_interceptor(interceptor: Interceptor) -> None:
    """Undo one `add_interceptor`."""
    global interceptors
    with _changing:
        places = [i for i, other in enumerate(interceptors) if other == interceptor]
        interceptors = interceptors[: places[-1]] + interceptors[places[-1] + 1 :]


def intercept(op: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Run an operator through the interceptors; PLAIN if it has passed them all already."""
    if chain_done.get():
        chain_done.set(False)  # operators that this one may call start afresh
        return PLAIN
    return _pass_on(interceptors, op, inputs, params)


def _pass_on(
    chain: tuple[Interceptor, ...], op: Any, inputs: tuple[Any, ...], params: dict[str, Any]
) -> Any:
    if not chain:
        return run(op, inputs, params)
    rest = chain[:-1]
    proceed = functools.partial(_pass_on, rest) if rest else run
    return chain[-1](op, inputs, params, proceed)


def run(op: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Run an operator that no interceptor is to see any more."""
    chain_done.set(True)
    return op.apply(*inputs, **params)
