"""RAdam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kernels.optim import adaptive as K
from .adam import check_adam_options
from .optimizer import Optimizer, written


class RAdam(Optimizer):
    """Adam that takes plain momentum steps until its second mean has seen enough gradients.

    rho = rho_inf - 2 t beta2^t / (1 - beta2^t)  with  rho_inf = 2 / (1 - beta2) - 1;
    where rho > 5 the step is Adam's times
    sqrt((rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho)),
    before that p = p - lr m / (1 - beta1^t)

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the means of the gradient and of its square.
        eps: keeps the division finite.
        weight_decay: added to the gradient times the parameter.
        decoupled_weight_decay: shrink the parameter instead.
        foreach: accepted; one fused step is always taken.
        maximize: ascend instead.
        capturable: accepted.
        differentiable: record the step, so that gradients pass back through it.

    Reference:
        Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", 2020.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ):  # fmt: skip
        check_adam_options(lr, betas, eps, weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            beta1, beta2 = group["betas"]
            for step, params, lists in self._batches(group, ("exp_avg", "exp_avg_sq")):
                K.radam_(
                    *lists, lr=float(group["lr"]), beta1=float(beta1), beta2=float(beta2),
                    eps=group["eps"], weight_decay=group["weight_decay"], step=step,
                    decoupled=group["decoupled_weight_decay"], maximize=group["maximize"],
                )  # fmt: skip
                written(params)
        return loss
