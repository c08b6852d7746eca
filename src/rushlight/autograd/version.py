"""Versions of memory, and how a view was made.

A base and its views share memory and a `Version`; every write raises it. A view's place in the
graph is derived again, by repeating the view operators, once it is asked for and the version has
moved.
"""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from .mode import GRAD, enable_grad


class Version:
    """How many times a piece of memory has been written to; shared by all its aliases."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


# Tensors made in inference mode keep no version; they carry this mark instead of a counter.
INFERENCE_VERSION = Version()


def share_version(tensor: Tensor) -> Version:
    """Return the version counter of `tensor`, made now if nobody asked for it before."""
    if tensor._counter is None:
        tensor._counter = Version()
    return tensor._counter


class View:
    """How a view was made: which operator, applied to which tensor, and the base behind it."""

    __slots__ = ("args", "base", "index", "made_in", "op", "params", "parent", "version")

    def __init__(
        self, parent: Tensor, op: Any, args: tuple[Any, ...], params: dict[str, Any],
        made_in: int, index: int | None = None,
    ):  # fmt: skip
        self.parent = parent
        self.base: Tensor = parent if parent._view is None else parent._view.base
        self.op, self.args, self.params, self.index = op, args, params, index
        # A view of a view made without recording was made without recording too.
        self.made_in = made_in if parent._view is None else min(made_in, parent._view.made_in)
        self.version = parent._counter.value

    def replay(self, source: Tensor) -> Tensor:
        """Apply the same view operator to another tensor."""
        result = self.op.apply(source, *self.args, **self.params)
        return result if self.index is None else result[self.index]

    def window(self, source: Tensor) -> Tensor:
        """Apply all view operators from the base to this view to a tensor of the base's shape."""
        outer = self.parent._view
        return self.replay(source if outer is None else outer.window(source))

    def refresh(self, tensor: Tensor) -> None:
        """Derive the view's place in the graph again if its memory was written to."""
        now = tensor._counter.value
        if self.version == now:
            return
        self.version = now
        if self.made_in == GRAD and self.base._requires_grad:
            with enable_grad():
                current = self.replay(self.parent)
            tensor._requires_grad = True
            tensor._node, tensor._index = current._node, current._index
