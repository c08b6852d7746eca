"""Adadelta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kernels.optim import adaptive as K
from .optimizer import Optimizer, check_lr, check_range, written


class Adadelta(Optimizer):
    """Steps in units of the parameter: scaled by the root mean square of the steps so far.

    v = rho v + (1 - rho) g^2;  d = sqrt(a + eps) / sqrt(v + eps) g;  a = rho a + (1 - rho) d^2;
    p = p - lr d

    Args:
        params: parameters or groups.
        lr: factor of the step.
        rho: decay of both means.
        eps: keeps the division finite and the first steps from being zero.
        weight_decay: added to the gradient times the parameter.
        foreach: accepted; one fused step is always taken.
        capturable: accepted.
        maximize: ascend instead.
        differentiable: record the step, so that gradients pass back through it.

    Reference:
        Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.
    """

    def __init__(
        self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6,
        weight_decay: float = 0, foreach: bool | None = None, *, capturable: bool = False,
        maximize: bool = False, differentiable: bool = False,
    ):  # fmt: skip
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_range("epsilon value", eps)
        check_range("weight_decay value", weight_decay)
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            for _, params, lists in self._batches(group, ("square_avg", "acc_delta")):
                K.adadelta_(
                    *lists, lr=float(group["lr"]), rho=group["rho"], eps=group["eps"],
                    weight_decay=group["weight_decay"], maximize=group["maximize"],
                )  # fmt: skip
                written(params)
        return loss
