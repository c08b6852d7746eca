"""`torch._dynamo`, as far as programs touch it: settings to assign, and decorators."""

from __future__ import annotations

from typing import Any

from ...compiler import allow_in_graph, disable, is_compiling, list_backends, reset
from ...nn.optimized_module import OptimizedModule
from . import config

__all__ = [
    "OptimizedModule",
    "allow_in_graph",
    "config",
    "disable",
    "graph_break",
    "is_compiling",
    "list_backends",
    "mark_dynamic",
    "optimize",
    "reset",
]


def optimize(*args: Any, **kwargs: Any) -> Any:
    """Return a decorator that leaves its function as it is."""
    return disable


def mark_dynamic(t: Any, index: Any, **kwargs: Any) -> None:
    """Accept that a dimension varies: all do."""


def graph_break(msg: str = "") -> None:
    """End a graph, of which there is none."""
