"""Hooks on a module's backward pass.

Identity nodes around the module's inputs and outputs see the gradients: the output's node keeps
`grad_output`, the input's node, which runs once all input gradients are known, calls the hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..._tensor import Tensor
from ...autograd.function import Function


class _Watch(Function):
    """y = x for several tensors; tells `seen` the gradients on their way back."""

    @staticmethod
    def forward(ctx: Any, seen: Callable[..., Any], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.seen = seen
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        replaced = ctx.seen(grads)
        return (None, *(grads if replaced is None else replaced))


class BackwardHooks:
    """The hooks of one call of a module."""

    def __init__(
        self,
        module: Any,
        hooks: Sequence[Callable[..., Any]],
        pre_hooks: Sequence[Callable[..., Any]],
    ):
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_outputs: tuple[Any, ...] | None = None
        self.input_places: list[int] = []
        self.input_count = 0

    def on_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments with every tensor that wants a gradient passed through a watch."""
        self.input_count = len(args)
        self.input_places = [
            i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad
        ]
        if not self.input_places:
            return args
        watched = _Watch.apply(self._saw_input_grads, *[args[i] for i in self.input_places])
        changed = list(args)
        for place, tensor in zip(self.input_places, watched, strict=True):
            changed[place] = tensor
        return tuple(changed)

    def on_outputs(self, result: Any) -> Any:
        """Return the output with its tensors passed through a watch."""
        outputs = result if isinstance(result, tuple) else (result,)
        places = [i for i, y in enumerate(outputs) if isinstance(y, Tensor) and y.requires_grad]
        if not places:
            return result
        self.output_places, self.output_count = places, len(outputs)
        watched = _Watch.apply(self._saw_output_grads, *[outputs[i] for i in places])
        changed = list(outputs)
        for place, tensor in zip(places, watched, strict=True):
            changed[place] = tensor
        return tuple(changed) if isinstance(result, tuple) else changed[0]

    def _saw_output_grads(self, grads: tuple[Any, ...]) -> Any:
        full: list[Any] = [None] * self.output_count
        for place, g in zip(self.output_places, grads, strict=True):
            full[place] = g
        for hook in self.pre_hooks:
            replaced = hook(self.module, tuple(full))
            if replaced is not None:
                full = list(replaced) if isinstance(replaced, tuple) else [replaced]
        self.grad_outputs = tuple(full)
        if not self.input_places:
            for hook in self.hooks:
                hook(self.module, (None,) * self.input_count, self.grad_outputs)
        return tuple(full[place] for place in self.output_places)

    def _saw_input_grads(self, grads: tuple[Any, ...]) -> Any:
        full: list[Any] = [None] * self.input_count
        for place, g in zip(self.input_places, grads, strict=True):
            full[place] = g
        for hook in self.hooks:
            replaced = hook(self.module, tuple(full), self.grad_outputs)
            if replaced is not None:
                full = list(replaced) if isinstance(replaced, tuple) else [replaced]
        return tuple(full[place] for place in self.input_places)
