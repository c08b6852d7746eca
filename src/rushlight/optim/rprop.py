"""Rprop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kernels.optim import adaptive as K
from .optimizer import Optimizer, check_lr, written


class Rprop(Optimizer):
    """Steps that follow only the gradient's sign; each element has a step size of its own.

    The size grows by etas[1] while the sign stays, and shrinks by etas[0] where it changed; there
    the element rests for one step.

    Args:
        params: parameters or groups.
        lr: the first step size.
        etas: factors that shrink and grow the step size.
        step_sizes: the smallest and the largest step size.
        capturable: accepted.
        foreach: accepted; one fused step is always taken.
        maximize: ascend instead.
        differentiable: record the step, so that gradients pass back through it.

    Reference:
        Riedmiller and Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The
        RPROP Algorithm", 1993.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ):  # fmt: skip
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            (shrink, grow), (smallest, largest) = group["etas"], group["step_sizes"]
            batches = self._batches(group, ("prev", "step_size"), step_size=float(group["lr"]))
            for _, params, lists in batches:
                K.rprop_(
                    *lists, shrink=shrink, grow=grow, smallest=smallest, largest=largest,
                    maximize=group["maximize"],
                )  # fmt: skip
                written(params)
        return loss
