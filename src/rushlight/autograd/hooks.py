"""Hooks: functions of the user that see gradients pass, and the handles that remove them."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class RemovableHandle:
    """Takes a registered hook away again: `handle.remove()`, or as a context manager."""

    _ids = itertools.count()

    def __init__(self, hooks: OrderedDict[int, Any]):
        self.hooks = hooks
        self.id = next(self._ids)

    def remove(self) -> None:
        """Unregister the hook."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class LeafHooks:
    """The hooks of a leaf: `before` see (and may replace) the gradient, `after` see the leaf."""

    __slots__ = ("after", "before")

    def __init__(self) -> None:
        self.before: OrderedDict[int, Any] = OrderedDict()
        self.after: OrderedDict[int, Any] = OrderedDict()


def add_hook(hooks: OrderedDict[int, Any], hook: Callable[..., Any]) -> RemovableHandle:
    """Register a hook and return the handle that removes it."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle
