"""Gradients of fused operators while a second derivative is being recorded.

A fused gradient computes with arrays and records nothing. Where more derivatives are wanted, the
operator is computed again with ordinary operators, which are then differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._tensor import Tensor
from ..autograd._api import grad


def composed_gradients(
    ctx: Any,
    compose: Callable[..., Sequence[Tensor]],
    inputs: Sequence[Tensor | None],
    grads: Sequence[Tensor],
) -> tuple[Tensor | None, ...]:
    """Return the gradients of a node's inputs; `compose` maps them to its outputs."""
    # Aliases: one tensor may be given for two inputs, whose gradients must stay apart.
    aliases = [None if t is None else t.view(t.array.shape) for t in inputs]
    wanted = [t for t, edge in zip(aliases, ctx.edges, strict=True) if t is not None and edge]
    outputs = compose(*aliases)
    found = iter(grad(outputs, wanted, grads, create_graph=True, allow_unused=True))
    return tuple([next(found) if edge else None for edge in ctx.edges])
