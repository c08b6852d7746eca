"""One recorded operation on sparse tensors: like `Op`, but `forward` gets the Tensors."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from ..autograd.mode import GRAD, no_grad, read_mode
from ..autograd.node import Node, edge_to, next_sequence

_new = object.__new__


class SparseOp(Node):
    """An operator with a sparse input or result; the instance is the graph's node."""

    gives_away = False

    def forward(ctx, *inputs: Any, **params: Any) -> Tensor:
        """Return the result for the inputs; nothing in here is recorded."""
        raise NotImplementedError

    def save(ctx, *tensors: Tensor) -> None:
        """Keep inputs for `backward`; they stay differentiable."""
        ctx.saved = tensors

    @classmethod
    def apply(cls, *inputs: Any, **params: Any) -> Tensor:
        """Run the operator, and record it if a gradient is wanted."""
        node = _new(cls)
        tracked = read_mode() == GRAD and wants_grad(*inputs)
        if tracked:
            node.edges = tuple([edge_to(x) for x in inputs])
            node.sequence = next_sequence()
        with no_grad():
            result = node.forward(*inputs, **params)
        kind = result.dtype
        if tracked and (kind.is_floating_point or kind.is_complex):
            node.keep(list(node.saved), [x._version for x in node.saved])
            result._requires_grad, result._node = True, node
        return result


def wants_grad(*inputs: Any) -> bool:
    """Tell whether one of the inputs is a tensor that requires grad."""
    return any([isinstance(x, Tensor) and x.requires_grad for x in inputs])


def recording(*inputs: Any) -> bool:
    """Tell whether an operation on the inputs is recorded."""
    return read_mode() == GRAD and wants_grad(*inputs)
