"""Floating point errors as torch treats them: infinities and NaNs arise without a word.

NumPy warns of them unless told otherwise. `numpy.errstate` tells it so at more than the price of a
small operation, `numpy.seterr` for the user's own NumPy too. What both set is one context
variable; setting that alone costs a tenth.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

import numpy as np

from . import _native

F = TypeVar("F", bound=Callable[..., Any])


def _find_setting() -> tuple[ContextVar[Any], Any]:
    """Return NumPy's context variable and its value for "ignore everything"."""

    def silenced() -> Context:
        np.seterr(all="ignore")
        return copy_context()

    before = copy_context()
    after = before.copy().run(silenced)
    for variable, value in after.items():
        if before.get(variable) is not value:
            return variable, value
    # NumPy ignores them already: a variable of our own then keeps callers simple.
    return ContextVar("float_errors"), None


_setting, IGNORE = _find_setting()

# `Op.apply` and the engine hold this while they compute, so operators need not: only what writes
# outside of them does. `before = set_errors(IGNORE)`, compute, `restore_errors(before)`.
set_errors = _setting.set
restore_errors = _setting.reset
if _native.calls is not None:
    _native.calls.install_float_errors(_setting, IGNORE)


def quiet(function: F) -> F:
    """Run a function without NumPy's floating point warnings (decorator)."""

    @functools.wraps(function)
    def silent(*args: Any, **kwargs: Any) -> Any:
        before = set_errors(IGNORE)
        try:
            return function(*args, **kwargs)
        finally:
            restore_errors(before)

    return silent  # type: ignore[return-value]
