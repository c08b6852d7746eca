"""Adamax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kernels.optim import adaptive as K
from .adam import check_adam_options
from .optimizer import Optimizer, written


class Adamax(Optimizer):
    """Adam with a decaying maximum of the gradient in place of its root mean square.

    m = beta1 m + (1 - beta1) g;  u = max(beta2 u, |g| + eps);  p = p - lr / (1 - beta1^t) m / u

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the mean and of the maximum.
        eps: keeps the division finite.
        weight_decay: added to the gradient times the parameter.
        foreach: accepted; one fused step is always taken.
        maximize: ascend instead.
        differentiable: record the step, so that gradients pass back through it.
        capturable: accepted.

    Reference:
        Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, section 7.1.
    """

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False,
        differentiable: bool = False, capturable: bool = False,
    ):  # fmt: skip
        check_adam_options(lr, betas, eps, weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            beta1, beta2 = group["betas"]
            for step, params, lists in self._batches(group, ("exp_avg", "exp_inf")):
                K.adamax_(
                    *lists, lr=float(group["lr"]), beta1=float(beta1), beta2=float(beta2),
                    eps=group["eps"], weight_decay=group["weight_decay"], step=step,
                    maximize=group["maximize"],
                )  # fmt: skip
                written(params)
        return loss
