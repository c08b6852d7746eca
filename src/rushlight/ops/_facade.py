"""Registration of operators that only a module such as `rushlight.linalg` has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._export import _with_out, export


def facade(module: str, *, out: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function under `module.NAME`, with `out=` unless told otherwise (decorator)."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        export(name=f"{module}.{name}", public=False, out=out)(function)
        return _with_out(function, f"{module}_{name}") if out else function

    return register
