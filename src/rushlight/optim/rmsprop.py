"""RMSprop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kernels import optim as K
from .optimizer import Optimizer, check_lr, check_range, written


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient.

    v = alpha v + (1 - alpha) g^2;  p = p - lr g / (sqrt(v) + eps)

    Args:
        params: parameters or groups.
        lr: learning rate.
        alpha: decay of the mean.
        eps: keeps the division finite.
        weight_decay: added to the gradient times the parameter.
        momentum: weight of the running direction.
        centered: subtract the squared mean of the gradient.
        capturable: accepted.
        foreach: accepted; one fused step is always taken.
        maximize: ascend instead.
        differentiable: record the step, so that gradients pass back through it.

    Reference:
        Hinton, "Neural Networks for Machine Learning", lecture 6, 2012.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0, momentum: float = 0, centered: bool = False,
        capturable: bool = False, foreach: bool | None = None, maximize: bool = False,
        differentiable: bool = False,
    ):  # fmt: skip
        check_lr(lr)
        check_range("epsilon value", eps)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        check_range("alpha value", alpha)
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; `closure` recomputes the loss."""
        loss = self._run_closure(closure)
        for group in self._groups_for_kernels():
            names = ["square_avg"]
            names += ["momentum_buffer"] if group["momentum"] > 0 else []
            names += ["grad_avg"] if group["centered"] else []
            for _, params, lists in self._batches(group, tuple(names)):
                state = dict(zip(names, lists[2:], strict=True))
                K.rmsprop_(
                    lists[0], lists[1], state["square_avg"], state.get("grad_avg"),
                    state.get("momentum_buffer"), lr=float(group["lr"]), alpha=group["alpha"],
                    eps=group["eps"], weight_decay=group["weight_decay"],
                    momentum=group["momentum"], maximize=group["maximize"],
                )  # fmt: skip
                written(params)
        return loss
