"""The names under which composed operators show in a graph."""

from __future__ import annotations

from .._tensor import Tensor


def named(result: Tensor, label: str, overload: int = 0) -> Tensor:
    """Let the result of composed operators show as that of one, which it is in torch."""
    node = result._node
    if node is not None:
        node.label, node.overload = label, overload
    return result
