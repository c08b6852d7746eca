"""Hooks on a module's backward pass.

Identity nodes around the module's inputs and outputs see the gradients: the output's node keeps
`grad_output`, the input's node, which runs once all input gradients are known, calls the hooks.
"""

from __future__ import annotations

import warnings
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
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(result)}",
                stacklevel=6,
            )
            return result
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
        full = _spread(grads, self.output_places, self.output_count)
        for hook in self.pre_hooks:
            full = _replaced(hook(self.module, full), full, "Backward pre hook", "grad_output")
        self.grad_outputs = full
        if not self.input_places:
            self._call_without_inputs()
        return tuple(full[place] for place in self.output_places)

    def _call_without_inputs(self) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs require gradients. See "
            "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=2,
        )
        for hook in self.hooks:
            replaced = hook(self.module, (None,) * self.input_count, self.grad_outputs)
            if replaced is not None and any(g is not None for g in replaced):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )

    def _saw_input_grads(self, grads: tuple[Any, ...]) -> Any:
        if self.grad_outputs is None:  # the output was none that could be watched
            return None
        full = _spread(grads, self.input_places, self.input_count)
        for hook in self.hooks:
            answer = hook(self.module, full, self.grad_outputs)
            full = _replaced(answer, full, "Backward hook", "grad_input")
        return tuple(full[place] for place in self.input_places)


def _spread(grads: Sequence[Any], places: Sequence[int], count: int) -> tuple[Any, ...]:
    """Return gradients at their places among `count`, None elsewhere."""
    full: list[Any] = [None] * count
    for place, g in zip(places, grads, strict=True):
        full[place] = g
    return tuple(full)


def _replaced(answer: Any, full: tuple[Any, ...], who: str, what: str) -> tuple[Any, ...]:
    """Return what a hook wants in place of gradients: as many as there were."""
    if answer is None:
        return full
    changed = answer if isinstance(answer, tuple) else (answer,)
    if len(changed) != len(full):
        raise RuntimeError(
            f"{who} returned an invalid number of {what}, got {len(changed)}, but expected "
            f"{len(full)}"
        )
    return changed
