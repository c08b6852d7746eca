"""NAdam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._tensor import wrap
from ..kernels import optim as K
from .adam import check_adam_options
from .optimizer import Optimizer, check_range, written


class NAdam(Optimizer):
    """Adam with Nesterov momentum, whose weight changes with the step.

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the means of the gradient and of its square.
        eps: keeps the division finite.
        weight_decay: added to the gradient times the parameter.
        momentum_decay: how fast the momentum approaches beta1.
        decoupled_weight_decay: shrink the parameter instead.
        foreach: accepted; one fused step is always taken.
        maximize: ascend instead.
        capturable: accepted.
        differentiable: record the step, so that gradients pass back through it.

    Reference:
        Dozat, "Incorporating Nesterov Momentum into Adam", 2016.
    """

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False,
        *, foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ):  # fmt: skip
        check_adam_options(lr, betas, eps, weight_decay)
        check_range("momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            beta1, beta2 = (float(b) for b in group["betas"])
            for step, params, lists in self._batches(group, ("exp_avg", "exp_avg_sq")):
                mu = K.nadam_mu(beta1, group["momentum_decay"], step)
                product = 1.0
                for p in params:
                    state = self.state[p]
                    if "mu_product" not in state:
                        state["mu_product"] = wrap(np.ones((), np.float32))
                    state["mu_product"].array *= np.float32(mu)
                    product = float(state["mu_product"].array)
                K.nadam_(
                    *lists, lr=float(group["lr"]), beta1=beta1, beta2=beta2, eps=group["eps"],
                    weight_decay=group["weight_decay"], momentum_decay=group["momentum_decay"],
                    step=step, mu_product=product, decoupled=group["decoupled_weight_decay"],
                    maximize=group["maximize"],
                )  # fmt: skip
                written(params)
        return loss
